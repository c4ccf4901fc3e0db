"""SWBD-sentiment: telephone conversations of Switchboard-1 with three sentiments, each segment judged by three or more."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from featurekit.corpora import Corpus, Defect, recipe
from featurekit.corpora._labels import ImpossibleSpans, majority, number, once, word
from featurekit.corpora._table import csv_rows, find_table, read_text
from featurekit.corpora._walk import audio_paths, by_stem
from featurekit.corpora._words import Word, labels_of, read_ms98, say_unaligned, within
from featurekit.errors import ManifestError
from featurekit.manifest import Utterance

TABLE = "sentiment_labels.tsv"
TABLE_FOLDERS = (".", "data", "LDC2020T14", "LDC2020T14/data")
SENTIMENTS = {"Positive": "positive", "Neutral": "neutral", "Negative": "negative"}
NO_AGREEMENT = "no agreement"
TOLERANCE_S = 0.02  # a transcript segment whose two times are this near is the one that was judged

CORPUS = Corpus(
    name="swbd_sentiment",
    title="Switchboard-1 with speech sentiment annotations (SWBD-sentiment)",
    languages=("en",),
    licence="two licences of the Linguistic Data Consortium",
    citation="Chen, Lu, Xu, Cao, Zhang and Fan (2020), A large scale speech sentiment corpus, LREC 2020",
    obtain="LDC2020T14 (the labels) and LDC97S62 (the audio) from the Linguistic Data Consortium; for channel, speaker and "
    "text also the transcripts swb_ms98_transcriptions (Mississippi State) and LDC97S62's call_con_tab.csv, caller_tab.csv",
    tree=f"""
<root>/
├── {TABLE}          also in data/, LDC2020T14/ or LDC2020T14/data/
├── any/folders/sw02005.sph       two channels, A and B; .wav too
├── swb_ms98_transcriptions/20/2005/sw2005A-ms98-a-trans.text     optional: which side speaks, and the words
├── swb_ms98_transcriptions/20/2005/sw2005A-ms98-a-word.text      optional: the times of the words
└── call_con_tab.csv, caller_tab.csv                              optional: who the side is; at any depth
""",
    expected={"LDC2020T14, rounded": 49500},
    labels={
        "sentiment": f"what most annotators said: positive, neutral, negative; '{NO_AGREEMENT}' where two lead",
        "raters": "annotator → the sentiment chosen; annotators are numbered as they stand in the row, not as persons",
        "reasons": "annotator → the reason given (Laughter, Scared, ...)",
        "words": "[start_s, end_s, word] from the segment's start, of the side that speaks; silence is left out",
    },
    default_task="sentiment",
    conversations=True,
    speaker_source="recording",
    defects=(
        Defect(
            "the label table names no channel: without the transcripts both sides are mixed down", source="LDC2020T14 README"
        ),
        Defect("segment times are estimates", source="LDC2020T14 README"),
        Defect(
            "its 500-odd speakers return in other conversations: disjoint conversations are not disjoint speakers, unless the "
            "call tables are given",
            source="LDC97S62's tables",
        ),
        Defect(
            "how votes become the published 52.6/30.4/17.0 % is not said; here the plain majority, ties without a class",
            source="Chen et al. 2020",
        ),
    ),
)

_MARKER = re.compile(r"(?P<call>sw0?\d{4,5})[-_]?(?P<side>[AB])?_(?P<number>\d+)")
_VOTE = re.compile(r"([A-Za-z]+)(?:-\{([^}]*)\})?")


class _Line(NamedTuple):
    start: float
    end: float
    side: str
    text: str


@recipe(CORPUS)
def utterances(root: Path) -> Iterator[Utterance]:
    """Read the label table; a segment is a stretch of one conversation's file, of one channel where it is known.

    ::

        <root>/sentiment_labels.tsv    sw02005_57  400.271875  404.732375  Negative-{Scared}#Neutral-{Mixed emotions}#...
        <root>/swb1_d1/data/sw02005.sph

    The channel (A is 0, B is 1) is that of the transcript segment with the same times, or of the marker where it has a side.

    ``words`` are those of the side's ms98 word file that lie in the segment; a word at its border belongs to the segment that
    has its middle. Where the side is not known there are none.

    The table's form is that of LDC2020T14's README. Not verified: that its times are those of the transcripts, markers with a
    side, votes without a reason. The call tables are read as public code does (conversation, side, caller; caller, .., sex).

    Raises
    ------
    ManifestError
        For a broken row, an unknown sentiment, or a conversation whose file is there twice.
    """
    table = find_table(root / folder / TABLE for folder in TABLE_FOLDERS)
    if table is None:
        return
    paths = by_stem([path for path in audio_paths(root) if Path(path).name.startswith("sw")])
    people, transcripts, words = _read_people(root), _index_transcripts(root, "trans"), _Words(root)
    lines: dict[str, list[_Line]] = {}
    seen: dict[str, str] = {}
    impossible = ImpossibleSpans()
    for where, cells in csv_rows(table, "\t"):
        call, side, utterance = _read_row(where, cells)
        once(seen, utterance["id"], where)
        if impossible.has(utterance["start"], utterance["end"], where):
            continue
        if call not in lines:
            lines[call] = _read_transcript(transcripts.get(_digits(call), []))
        spoken = _spoken(lines[call], utterance["start"], utterance["end"])
        side = side or (spoken.side if spoken else "")
        utterance["labels"] |= words.labels(call, side, utterance)
        caller, gender = people.get((_digits(call), side), (f"{call}{side}", ""))
        yield Utterance(
            **utterance,
            path=paths.get(call, f"{call}.sph"),
            channel={"A": 0, "B": 1}.get(side),
            recording=call,
            speaker=caller,
            gender=gender,
            language="en",
            text=spoken.text if spoken else "",
        )
    words.say_missing()
    impossible.say()


class _Words:
    """The word files of ``swb_ms98_transcriptions``: what each segment says, and which of them have no times."""

    def __init__(self, root: Path) -> None:
        self._files = _index_transcripts(root, "word")
        self._missing: list[str] = []
        self._asked = 0
        # A call has some thousand words, and the table names its segments one after the other.
        self._of_call = lru_cache(maxsize=8)(self._read)

    def labels(self, call: str, side: str, segment: Mapping[str, Any]) -> dict[str, Any]:
        """The raw label ``words`` of a segment of one side."""
        found = labels_of(within(self._of_call(call).get(side, []), segment["start"], segment["end"]))
        self._asked += 1
        if not found:
            self._missing.append(segment["id"])
        return found

    def say_missing(self) -> None:
        """Count segments without word times, where the corpus has any."""
        if self._files:
            say_unaligned(self._missing, self._asked, "sw*-ms98-a-word.text of the side that speaks")

    def _read(self, call: str) -> dict[str, list[Word]]:
        return {path.name[6]: read_ms98(path) for path in self._files.get(_digits(call), [])}


def _read_row(where: str, cells: list[str]) -> tuple[str, str, dict[str, Any]]:
    marker = _MARKER.fullmatch(cells[0])
    if marker is None or len(cells) != 4:
        raise ManifestError(f"{where}: expected marker, start, end, votes with tabs between, got {cells}")
    start, end = number(cells[1], "start", where), number(cells[2], "end", where)
    votes = [_VOTE.fullmatch(vote.strip()) for vote in re.split(r"#(?=[A-Z][a-z]+(?:-\{|#|$))", cells[3])]
    found = [(word(vote[1], SENTIMENTS, "sentiment", where), vote[2] or "") for vote in votes if vote]
    if len(found) != len(votes):
        raise ManifestError(f"{where}: expected votes like Negative-{{Scared}}#Neutral-{{}}, got {cells[3]!r}")
    labels = {
        "sentiment": majority((sentiment for sentiment, _ in found), NO_AGREEMENT),
        "raters": {str(rank): [sentiment] for rank, (sentiment, _) in enumerate(found, 1)},
        "reasons": {str(rank): reason for rank, (_, reason) in enumerate(found, 1) if reason},
    }
    fields = {"id": cells[0], "start": start, "end": end, "position": int(marker["number"]), "labels": labels}
    return marker["call"], marker["side"] or "", fields


def _digits(call: str) -> str:
    return call.removeprefix("sw").removeprefix("0")


def _index_transcripts(root: Path, kind: str) -> dict[str, list[Path]]:
    files: dict[str, list[Path]] = {}
    for path in sorted(root.rglob(f"sw[0-9]*-ms98-a-{kind}.text")):
        files.setdefault(path.name[2:6], []).append(path)
    return files


def _read_transcript(paths: list[Path]) -> list[_Line]:
    found = []
    for path in paths:
        for line_number, line in enumerate(read_text(path).splitlines(), 1):
            where, cells = f"{path}:{line_number}", line.split(maxsplit=3)
            if len(cells) == 4 and cells[3] != "[silence]":
                found.append(_Line(number(cells[1], "start", where), number(cells[2], "end", where), path.name[6], cells[3]))
    return found


def _spoken(lines: list[_Line], start: float, end: float) -> _Line | None:
    near = [line for line in lines if abs(line.start - start) <= TOLERANCE_S and abs(line.end - end) <= TOLERANCE_S]
    return near[0] if len(near) == 1 else None


def _read_people(root: Path) -> dict[tuple[str, str], tuple[str, str]]:
    """(Conversation, side) → caller and gender, from LDC97S62's tables; empty without them."""
    calls, callers = (next(iter(sorted(root.rglob(name))), None) for name in ("call_con_tab.csv", "caller_tab.csv"))
    genders = {}
    for _, cells in csv_rows(callers) if callers else ():
        bare = [cell.strip(' "') for cell in cells]
        genders[bare[0]] = next((cell.lower() for cell in bare if cell in ("MALE", "FEMALE")), "")
    people = {}
    for where, cells in csv_rows(calls) if calls else ():
        bare = [cell.strip(' "') for cell in cells]
        if len(bare) < 3 or bare[1] not in ("A", "B"):
            raise ManifestError(f"{where}: expected conversation, side, caller, got {','.join(cells)!r}")
        people[bare[0], bare[1]] = (bare[2], genders.get(bare[2], ""))
    return people
