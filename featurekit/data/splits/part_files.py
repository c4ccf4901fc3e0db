"""Which part of a split a file is, by its name: ``train.txt``, ``cuts_dev.jsonl.gz``, ``x_test.csv``.

A part is taken as it is named. Files that differ in numbers only are pieces of one list (``cuts_train.00``, ``cuts_train.01``).
``test2`` is not ``test``, and ``test_clean`` and ``test_other`` are two lists: where no name says which of them is meant, it is
asked for.
"""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from featurekit.data.splits.folds import PARTS
from featurekit.errors import ParameterError

WORDS = {"train": "train", "training": "train", "test": "test", "testing": "test", "eval": "test", "evaluation": "test"}
WORDS |= dict.fromkeys(("dev", "devel", "development", "valid", "validation", "val"), "dev")
SUFFIXES = (".txt", ".jsonl", ".jsonl.gz", ".csv", ".tsv")
LHOTSE_SUFFIXES = (".json", ".json.gz")  # a list of cuts or supervisions; other JSON is no list of utterances

_LONGEST_FIRST = sorted((*SUFFIXES, *LHOTSE_SUFFIXES), key=len, reverse=True)
_NUMBERED = re.compile(rf"({'|'.join(WORDS)})(?:\d+|val|dev)")
_logger = logging.getLogger(__name__)


def part_files(folder: Path, chosen: Iterable[str] = ()) -> dict[Path, str]:
    """File → part, of the files of a folder whose names say a part.

    Parameters
    ----------
    folder : Path
        Where they lie; folders in it are not entered.
    chosen : iterable of str
        Names, without suffix, of the lists to take where several are of one part.

    Returns
    -------
    dict
        Sorted by name; empty where no name says a part. Lists that are left out are warned of.

    Raises
    ------
    ParameterError
        When several lists are of one part and no name says which is meant; or when a chosen one is not there.
    """
    files = [path for path in sorted(folder.iterdir()) if _is_list(path.name) and path.is_file()]
    named = {path: said for path in files if not _is_companion(path, files) and (said := said_part(_stem(path)))}
    usual = _usual([said.others for said in named.values() if said.plain])
    wanted = set(chosen) & {_stem(path) for path in named}
    found: dict[Path, str] = {}
    for part in PARTS:
        lists = {path: said for path, said in named.items() if said.part == part}
        picked = [path for path in lists if _stem(path) in wanted] or _meant(lists, usual)
        if lists and not picked:
            raise ParameterError(f"{folder}: no name says which list is the {part} part: {_names(lists)}; {_WAY_ON}")
        found |= dict.fromkeys(picked, part)
    left_out = [path for path in named if path not in found]
    if left_out:
        _logger.warning("%s: lists that are not train, dev or test by name are left out: %s", folder, _names(left_out))
    return dict(sorted(found.items()))


@dataclass(frozen=True)
class Said:
    """What a name says: the part, whether just that (test2 and train_test are not), and the other words."""

    part: str
    plain: bool
    others: tuple[str, ...]


_WAY_ON = "name the one that is meant, as in predefined(path=FOLDER, lists='test_clean'), or keep the others elsewhere"


def said_part(name: str) -> Said | None:
    """What a name says of a part; None where it says none.

    >>> said_part("x_train"), said_part("Test1"), said_part("calm")
    (Said(part='train', plain=True, others=('x',)), Said(part='test', plain=False, others=('test',)), None)
    """
    words = re.split(r"[^a-z0-9]+", name.lower())
    numbered = [match for word in words if (match := _NUMBERED.fullmatch(word))]
    parts = [WORDS[word] for word in words if word in WORDS]
    others = tuple(bare for word in words if word not in WORDS and (bare := word.rstrip("0123456789")))
    if parts == ["train", "dev"] and not numbered:  # Kaldi's train_dev: cut from training to choose by
        return Said("dev", True, ("train", *others))
    if not parts and not numbered:
        return None
    part = parts[0] if parts else WORDS[numbered[0][1]]
    return Said(part, len(set(parts)) == 1 and not numbered, others)


def _is_list(name: str) -> bool:
    return name.endswith(SUFFIXES) or (name.endswith(LHOTSE_SUFFIXES) and ("cuts" in name or "supervisions" in name))


def _is_companion(path: Path, files: Iterable[Path]) -> bool:
    """Whether it is lhotse's recordings beside the supervisions or cuts of the same name, which list the utterances."""
    better = {"recordings": ("supervisions", "cuts"), "supervisions": ("cuts",)}
    return any(
        path.name.replace(word, kind) in {file.name for file in files} - {path.name} for word in better for kind in better[word]
    )


def _meant(lists: Mapping[Path, Said], usual: tuple[str, ...]) -> list[Path]:
    """The list of a part, or its pieces: the only one that is plainly named, else the one that is named as the other parts."""
    plain = {path: said.others for path, said in lists.items() if said.plain}
    kinds = set(plain.values())
    return [path for path, kind in plain.items() if len(kinds) == 1 or kind == usual]


def _usual(signatures: list[tuple[str, ...]]) -> tuple[str, ...]:
    """The words beside the part that most lists have: of test and test_other beside train, those of test."""
    counts = Counter(signatures)
    return min(counts, key=lambda words: (-counts[words], len(words), words), default=())


def _stem(path: Path) -> str:
    return next((path.name.removesuffix(suffix) for suffix in _LONGEST_FIRST if path.name.endswith(suffix)), "")


def _names(paths: Iterable[Path]) -> str:
    return ", ".join(path.name for path in sorted(paths))
