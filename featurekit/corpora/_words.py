"""Word times from the corpora's own alignments: IEMOCAP's ``*.wdseg`` (Sphinx) and Switchboard's ms98 word files.

They become the raw label ``words``, ``[[start_s, end_s, "word"], …]`` in seconds from the utterance's start. Silence is left
out. Sounds that are no words stay, in brackets, since attention falls on them (Lu et al. 2020, Fig. 2): ``[LAUGHTER]``.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from featurekit.corpora._labels import check_span, number, whole
from featurekit.corpora._table import read_text
from featurekit.errors import ManifestError

Word = tuple[float, float, str]

FRAME_S = 0.01  # Sphinx's, of a .wdseg
_DIGITS = 6  # of a second: a manifest is not to hold 0.30000000000000004
# Silence, borders of a sentence, and marks of an aside, which have no sound of their own.
_SILENT = frozenset({"<s>", "</s>", "<sil>", "sil", "[silence]", "<a_aside>", "<b_aside>", "<e_aside>"})
_FILLER = re.compile(r"\+\+(.+)\+\+")
_PRONUNCIATION = re.compile(r"(.+?)(?:\(\d+\)|_\d+)")  # which of a word's pronunciations was aligned: DO(2), about_1

_logger = logging.getLogger(__name__)


def read_wdseg(path: Path) -> list[Word]:
    """The words of an IEMOCAP turn, by Sphinx's forced alignment.

    ::

        <blank>SFrm  EFrm    SegAScr Word
                  0    44    -166030 <s>
                 45    79    -379103 EXCUSE(8)
         Total score:   -2145361

    A frame is 10 ms; the last frame of a word is part of it.

    Raises
    ------
    ManifestError
        For a line that is none of these, naming file and line.
    """
    words = []
    for line_number, line in enumerate(read_text(path, "replace").splitlines(), 1):
        cells, where = line.split(), f"{path}:{line_number}"
        if not cells or cells[0] == "SFrm" or cells[:2] == ["Total", "score:"]:
            continue
        if len(cells) != 4:
            raise ManifestError(f"{where}: expected first frame, last frame, score, word, got {line.strip()!r}")
        first, last = whole(cells[0], "the first frame", where), whole(cells[1], "the last frame", where)
        start, end = round(first * FRAME_S, _DIGITS), round((last + 1) * FRAME_S, _DIGITS)
        check_span(start, end, where)
        words.append((start, end, cells[3]))
    return list(_spoken(words))


def read_ms98(path: Path) -> list[Word]:
    """The words of one side of a Switchboard call, in seconds from the call's start.

    ::

        sw2005A-ms98-a-0001 0.000000 0.977625 [silence]
        sw2005A-ms98-a-0002 0.977625 1.150125 hi

    Raises
    ------
    ManifestError
        For a line that is none of these, naming file and line.
    """
    words = []
    for line_number, line in enumerate(read_text(path, "replace").splitlines(), 1):
        cells, where = line.split(maxsplit=3), f"{path}:{line_number}"
        if not cells:
            continue
        if len(cells) != 4:
            raise ManifestError(f"{where}: expected segment, start, end, word, got {line.strip()!r}")
        start, end = number(cells[1], "start", where), number(cells[2], "end", where)
        check_span(start, end, where)
        words.append((start, end, cells[3].strip()))
    return list(_spoken(words))


def within(words: Sequence[Word], start: float, end: float) -> list[Word]:
    """The words of a stretch, in seconds from its start.

    A word at a border belongs to the stretch that has its middle, and is cut where the stretch is: so it is in one of two
    neighbours, and in none of them longer than what is heard.

    >>> within([(0.0, 1.0, "well"), (1.0, 1.5, "yes"), (1.5, 3.0, "then")], 0.75, 2.5)
    [(0.25, 0.75, 'yes'), (0.75, 1.75, 'then')]
    """
    found = []
    for first, last, text in words:
        if start <= (first + last) / 2 < end:
            span = (round(max(first, start) - start, _DIGITS), round(min(last, end) - start, _DIGITS))
            found.append((*span, text))
    return found


def labels_of(words: Sequence[Word]) -> dict[str, list[list[float | str]]]:
    """The raw label ``words``, as a manifest has it; none where there is no word."""
    return {"words": [list(word) for word in words]} if words else {}


def say_unaligned(names: Collection[str], of: int, what: str) -> None:
    """Warn that utterances of a corpus that has word times have none."""
    if names:
        shown = ", ".join(sorted(names)[:3]) + (", …" if len(names) > 3 else "")
        _logger.warning("%d of %d utterances have no word times (%s): %s", len(names), of, what, shown)


def _spoken(words: Sequence[Word]) -> Iterator[Word]:
    """Words without silence, in time, as they are shown."""
    for start, end, text in sorted(words, key=lambda word: word[:2]):
        variant = _PRONUNCIATION.fullmatch(text)
        said = variant[1] if variant else text  # silence has several pronunciations, too: <sil>(2)
        if said.casefold() not in _SILENT:
            filler = _FILLER.fullmatch(said)
            yield start, end, f"[{filler[1]}]" if filler else said
