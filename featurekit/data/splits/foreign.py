"""Other people's splits, read into folds of our manifest's ids: CSV of ids, EmoBox's folders, lhotse cuts, lists of ids.

::

    split.csv                      id,part[,fold]        part is train, dev (valid, val) or test (eval)
    data/emodb/fold_1/emodb_train_fold_1.jsonl           EmoBox: a folder a fold, a file a part, one object a line
    cuts_train.jsonl.gz, cuts_dev.jsonl.gz, …            lhotse: a file a part; the ids are the supervisions'
    train.txt, dev.txt, test.txt                         one id a line

Nothing is judged here: an audit wants to see what is wrong with a split. :func:`featurekit.data.splits.predefined` judges.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from featurekit.data.splits.folds import PARTS, Fold
from featurekit.data.splits.material import listed
from featurekit.errors import ParameterError, SplitError
from featurekit.manifest import Manifest

_WORDS = {"train": "train", "training": "train", "dev": "dev", "valid": "dev", "validation": "dev", "val": "dev"}
_WORDS |= {"test": "test", "eval": "test"}
_FILES = (".txt", ".jsonl", ".jsonl.gz")
_Row = tuple[str, str, list[str]]  # fold, part, names the utterance may have in the manifest


def read_folds(path: str | Path, manifest: Manifest) -> list[Fold]:
    """Folds of a CSV file or a folder, in the order of their names, with the manifest's own ids.

    Parameters
    ----------
    path : str or Path
        A CSV file with the columns ``id``, ``part`` and perhaps ``fold``; or a folder with a file a part, or with folders
        of such files, one a fold.
    manifest : Manifest
        EmoBox's key ``emodb-03a01Fa`` is found as that id, as ``03a01Fa``, or by the file it names.

    Raises
    ------
    SplitError
        When ids are not in the manifest; the first ones are listed.
    ParameterError
        When the file or folder cannot be read as a split.
    """
    path = Path(path)
    rows = list(_folder(path) if path.is_dir() else _table(path))
    if not rows:
        raise ParameterError(f"{path} has no ids; expected a CSV with the columns id and part, or files like train.txt")
    by_path = {item.path: item.id for item in manifest if not item.parent and item.start is None}
    folds: dict[str, dict[str, dict[str, None]]] = {}
    missing = []
    for fold, part, candidates in rows:
        found = next((name for name in (by_path.get(item, item) for item in candidates) if name in manifest), None)
        if found is None:
            missing.append(candidates[0])
        else:
            folds.setdefault(fold, {name: {} for name in PARTS})[part][found] = None
    if missing:
        raise SplitError(
            f"{path}: the manifest lacks {len(missing)} of {len(rows)} ids: {listed(missing, 10)}; "
            "use the manifest of the same corpus, or correct the ids"
        )
    return [Fold(name, *(tuple(sorted(parts[part])) for part in PARTS)) for name, parts in sorted(folds.items(), key=_natural)]


def _table(path: Path) -> Iterator[_Row]:
    try:
        rows = list(csv.DictReader(io.StringIO(path.read_bytes().decode("utf-8-sig"))))
    except FileNotFoundError:
        raise ParameterError(f"there is no split {str(path)!r}") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise ParameterError(f"{path} is not a CSV in UTF-8: {error}") from None
    for line, row in enumerate(rows, 2):
        name, part = ((row.get(column) or "").strip() for column in ("id", "part"))
        if not name or part.lower() not in _WORDS:
            raise ParameterError(
                f"{path}:{line}: expected the columns id, part and perhaps fold, with part one of {', '.join(_WORDS)}; "
                f"got id {name!r}, part {part!r}"
            )
        yield (row.get("fold") or "0").strip(), _WORDS[part.lower()], [name]


def _folder(path: Path) -> Iterator[_Row]:
    folders = [item for item in sorted(path.iterdir()) if item.is_dir() and _part_files(item)]
    if not folders:
        yield from _fold("0", _part_files(path))
    for folder in folders:
        files = _part_files(folder)
        # EmoBox's EMO-DB has each file twice, …_fold1 and …_fold_1; its own reader takes the second.
        exact = {file: part for file, part in files.items() if file.name.split(".")[0].endswith(f"_{folder.name}")}
        yield from _fold(folder.name.removeprefix("fold_"), exact or files)


def _fold(name: str, files: Mapping[Path, str]) -> Iterator[_Row]:
    for file, part in files.items():
        for candidates in _ids(file):
            yield name, part, candidates


def _part_files(folder: Path) -> dict[Path, str]:
    """File → part, of the files whose names say a part."""
    found = {}
    for path in sorted(folder.iterdir()):
        words = re.split(r"[^a-z]+", path.name.lower())
        parts = [_WORDS[word] for word in words if word in _WORDS]
        if path.is_file() and path.name.endswith(_FILES) and parts:
            found[path] = parts[0]
    return found


def _ids(path: Path) -> Iterator[list[str]]:
    """For each utterance of a file, the names it may have."""
    try:
        data = path.read_bytes()
        text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode("utf-8-sig")
    except (UnicodeDecodeError, gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ParameterError(f"{path} cannot be read as UTF-8 text: {error}") from None
    for number, line in enumerate(text.splitlines(), 1):
        if path.suffix == ".txt" and line.strip():
            yield [line.strip()]
        elif line.strip():
            yield from _of_record(line, f"{path}:{number}")


def _of_record(line: str, where: str) -> Iterator[list[str]]:
    try:
        record = json.loads(line)
    except ValueError as error:
        raise ParameterError(f"{where}: not JSON ({error})") from None
    if not isinstance(record, dict) or not isinstance(record.get("key", record.get("id")), str):
        raise ParameterError(f"{where}: expected an object with key (EmoBox) or id (lhotse), got {line[:60]!r}")
    if "key" in record:
        yield _emobox_names(record)
    else:
        parts = record.get("supervisions") or [record]
        yield from ([str(part["id"])] if len(parts) > 1 else [str(part["id"]), record["id"]] for part in parts)


def _emobox_names(record: Mapping[str, Any]) -> list[str]:
    """The key, without its corpus, the file's stem, and the file's path below ``downloads/<corpus>``."""
    key, wav = record["key"], PurePosixPath(str(record.get("wav", record.get("audio", ""))))
    return [
        key,
        key.removeprefix(f"{record.get('dataset', '')}-"),
        wav.stem,
        wav.as_posix(),
        PurePosixPath(*wav.parts[2:]).as_posix(),
    ]


def _natural(item: tuple[str, Any]) -> tuple[Any, ...]:
    """Fold 10 after fold 9."""
    return (0, int(item[0]), "") if item[0].isdigit() else (1, 0, item[0])
