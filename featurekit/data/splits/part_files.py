"""Which part of a split a file is, by its name: ``train.txt``, ``cuts_dev.jsonl.gz``, ``x_test.csv``.

A part is taken as it is named. Files that differ in numbers only are pieces of one list (``cuts_train.00``, ``cuts_train.01``),
or folds, which is said of them by :mod:`~featurekit.data.splits.foreign`.
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
_NUMBER = re.compile(r"\d+$")
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
        if part == "dev" and any("train" in named[path].others for path in picked) and "train" not in found.values():
            raise ParameterError(
                f"{folder}: {_names(picked)} may be the dev part, or training and dev in one, and no list is the train part"
            )
        if lists and not picked:
            raise ParameterError(f"{folder}: no name says which list is the {part} part: {_names(lists)}; {_WAY_ON}")
        found |= dict.fromkeys(picked, part)
    left_out = [path for path in named if path not in found]
    if left_out:
        _logger.warning("%s: lists that are not train, dev or test by name are left out: %s", folder, _names(left_out))
    return dict(sorted(found.items()))


@dataclass(frozen=True)
class Said:
    """What a name says: the part, whether just that (test2 and train_test are not), and the other words.

    Lists of one part are pieces of one list where the other words and ``word`` are alike and ``numbers`` differ. ``word`` is
    the beginning of the part's own word, which train and training share, and test and eval do not.
    """

    part: str
    plain: bool
    others: tuple[str, ...]
    word: str = ""
    numbers: tuple[str, ...] = ()


_WAY_ON = "name the one that is meant, as in predefined(path=FOLDER, lists='test_clean'), or keep the others elsewhere"


def said_part(name: str) -> Said | None:
    """What a name says of a part; None where it says none.

    >>> said = said_part("x_train.01")
    >>> said.part, said.plain, said.others, said.numbers
    ('train', True, ('x',), ('01',))
    >>> said_part("Test1").plain, said_part("train_dev").part, said_part("calm")
    (False, 'dev', None)
    """
    words = re.split(r"[^a-z0-9]+", name.lower())
    numbered = [match for word in words if (match := _NUMBERED.fullmatch(word))]
    parts = [WORDS[word] for word in words if word in WORDS]
    others = tuple(bare for word in words if word not in WORDS and (bare := word.rstrip("0123456789")))
    said = tuple(word for word in words if word in WORDS)
    numbers = tuple(found[0] for word in words if word not in WORDS and (found := _NUMBER.search(word)))
    if said[:2] in (("train", "dev"), ("train", "devel")) and len(said) == 2 and not numbered:
        return Said("dev", True, ("train", *others), "dev", numbers)  # Kaldi's: cut from training to choose by
    if not parts and not numbered:
        return None
    part = parts[0] if parts else WORDS[numbered[0][1]]
    return Said(part, len(set(parts)) == 1 and not numbered, others, said[0][:3] if said else "", numbers)


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
    plain = {path: said for path, said in lists.items() if said.plain}
    kinds = {said.others for said in plain.values()}
    meant = [path for path, said in plain.items() if len(kinds) == 1 or said.others == usual]
    if len({plain[path].word for path in meant}) > 1:  # test and eval are two lists
        return []
    bare = [path for path in meant if not plain[path].numbers]
    return bare if len(bare) == 1 else meant  # beside test, test_2 is no piece of it


def _usual(signatures: list[tuple[str, ...]]) -> tuple[str, ...]:
    """The words beside the part that most lists have: of test and test_other beside train, those of test."""
    counts = Counter(signatures)
    return min(counts, key=lambda words: (-counts[words], len(words), words), default=())


def _stem(path: Path) -> str:
    return next((path.name.removesuffix(suffix) for suffix in _LONGEST_FIRST if path.name.endswith(suffix)), "")


def _names(paths: Iterable[Path]) -> str:
    return ", ".join(path.name for path in sorted(paths))
