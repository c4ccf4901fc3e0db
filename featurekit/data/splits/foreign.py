"""Other people's splits, read into folds of our manifest's ids: CSV of ids, EmoBox's folders, lhotse cuts, lists of ids.

::

    split.csv                      id,part[,fold]        part is train, dev (valid, val) or test (eval)
    x_train.csv, x_dev.csv, …      one table per part, with a column id or path
    data/emodb/fold_1/emodb_train_fold_1.jsonl           EmoBox: a folder per fold, a file per part, an object per line
    cuts_train.jsonl.gz, cuts_dev.jsonl.gz, …            lhotse: one file per part; the ids are the supervisions'
    train.txt, dev.txt, test.txt                         one id a line

Nothing is judged here: an audit wants to see what is wrong with a split. :func:`featurekit.data.splits.predefined` judges.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import logging
import math
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from featurekit.data.splits.folds import PARTS, Fold
from featurekit.data.splits.lookup import Names, look_up
from featurekit.data.splits.material import listed
from featurekit.data.splits.part_files import LHOTSE_SUFFIXES, WORDS, part_files, said_part
from featurekit.errors import ParameterError, SplitError
from featurekit.manifest import Manifest

# Of these columns the first that is there names an utterance.
_NAMES = (
    *("id", "utt_id", "utterance_id", "path", "file", "filename", "file_name", "filepath", "file_path", "wav_path"),
    *("audio_path", "audio_filepath", "wav", "audio"),
)
_Row = tuple[str, str, Names]  # fold, part, names
_logger = logging.getLogger(__name__)


def read_folds(path: str | Path, manifest: Manifest, lists: Iterable[str] = ()) -> list[Fold]:
    """Folds of a CSV file or a folder, in the order of their names, with the manifest's own ids.

    Parameters
    ----------
    path : str or Path
        A CSV file with the columns ``id``, ``part`` and perhaps ``fold``; or a folder with one file per part, or with folders
        of such files, one a fold.
    manifest : Manifest
        EmoBox's key ``emodb-03a01Fa`` is found as that id, as ``03a01Fa``, or by the file it names.
    lists : iterable of str
        Names, without suffix, of the lists of a folder to take where several are of one part.

    Raises
    ------
    SplitError
        When ids are not in the manifest; the first ones are listed.
    ParameterError
        When the file or folder cannot be read as a split.
    """
    path = Path(path)
    lists = list(lists)
    rows = list(_folder(path, lists) if path.is_dir() else _table(path))
    if not rows:
        raise ParameterError(f"{path} has no ids; expected a CSV with the columns id and part, or files like train.txt")
    found = look_up(manifest, (names for _, _, names in rows))
    missing = [names[0] for names, place in found.items() if place is None]
    if missing:
        raise SplitError(
            f"{path}: the manifest lacks {len(missing)} of {len(found)} utterances: {listed(missing, 10)}; "
            "use the manifest of the same corpus, or correct the ids"
        )
    folds: dict[str, dict[str, dict[str, None]]] = {}
    for fold, part, names in rows:
        folds.setdefault(fold, {name: {} for name in PARTS})[part][str(found[names])] = None
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
        if not name or part.lower() not in WORDS:
            raise ParameterError(
                f"{path}:{line}: expected the columns id, part and perhaps fold, with part one of {', '.join(WORDS)}; "
                f"got id {name!r}, part {part!r}"
            )
        yield (row.get("fold") or "0").strip(), WORDS[part.lower()], (name,)


def _folder(path: Path, lists: list[str]) -> Iterator[_Row]:
    folders = {item: part_files(item, lists) for item in sorted(path.iterdir()) if item.is_dir()}
    folders = {item: files for item, files in folders.items() if files}
    if not folders:
        yield from _flat(part_files(path, lists))
    for folder, files in folders.items():
        # EmoBox's EMO-DB has each file twice, …_fold1 and …_fold_1; its own reader takes the second.
        exact = {file: part for file, part in files.items() if file.name.split(".")[0].endswith(f"_{folder.name}")}
        yield from _fold(folder.name.removeprefix("fold_"), exact or files)


def _flat(files: Mapping[Path, str]) -> Iterator[_Row]:
    """Folds where names say so, or numbers can mean nothing else; else one. A list without a number is in all folds.

    ``train_fold1.txt, test_fold1.txt, train_fold2.txt, …`` are a fold a number. ``train_1.csv, test_1.csv, train_2.csv, …`` are
    that where an utterance of one number's train list is in another number's test list, so that they cannot be pieces of one
    train list and of one test list; else they are such pieces. A warning says which.
    """
    said = {file: found for file in files if (found := said_part(file.name.partition(".")[0]))}
    number = {file: found.numbers[-1] if "fold" in found.others and found.numbers else "" for file, found in said.items()}
    if not any(number.values()):
        number = _numbers_of_folds(files)
    folds: dict[str, dict[Path, str]] = {}
    for file, part in files.items():
        folds.setdefault(number.get(file, ""), {})[file] = part
    common = folds.pop("", {})
    if len(folds) < 2:
        yield from _fold("0", files)
    else:
        for name, own in folds.items():
            yield from _fold(name, {**own, **common})


def _numbers_of_folds(files: Mapping[Path, str]) -> dict[Path, str]:
    """File → number of its fold, of lists that numbers alone tell apart; empty where they are pieces, or there are none."""
    several = [part for part in PARTS if list(files.values()).count(part) > 1]
    if not several:
        return {}
    lists = {part: [file for file in files if files[file] == part] for part in several}
    number = {file: found for part in several for file, found in _numbers(lists[part]).items()}
    held = {part: {number[file]: file for file in lists[part]} for part in several}
    if set(several) >= {"train", "test"} and all(held[part].keys() == held["test"].keys() for part in several):
        ids = {file: set(_ids(file)) for part in ("train", "test") for file in lists[part]}
        for one, train in held["train"].items():
            for other, test in held["test"].items():
                if one != other and not ids[train].isdisjoint(ids[test]):
                    text = "%s: the lists are %d folds, by their numbers: %s and %s share utterances"
                    _logger.warning(text, train.parent, len(held["test"]), train.name, test.name)
                    return number
    for part in several:
        names = ", ".join(file.name for file in lists[part][:3]) + (", …" if len(lists[part]) > 3 else "")
        text = "%s: %d lists are read as pieces of one %s list: %s; where they are folds, call them %s_fold1 and so on"
        _logger.warning(text, lists[part][0].parent, len(lists[part]), part, names, part)
    return {}


def _numbers(lists: list[Path]) -> dict[Path, str]:
    """What differs in the numbers of their names."""
    found = {file: re.findall(r"\d+", file.name) for file in lists}
    alike = {len(numbers) for numbers in found.values()}
    places = range(alike.pop()) if len(alike) == 1 else ()
    differing = [place for place in places if len({numbers[place] for numbers in found.values()}) > 1]
    return {file: ".".join(numbers[place] for place in differing) for file, numbers in found.items()}


def _fold(name: str, files: Mapping[Path, str]) -> Iterator[_Row]:
    for file, part in files.items():
        for candidates in _ids(file):
            yield name, part, candidates


def _ids(path: Path) -> Iterator[Names]:
    """For each utterance of a file, the names it may have."""
    try:
        data = path.read_bytes()
        text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode("utf-8-sig")
    except (UnicodeDecodeError, gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ParameterError(f"{path} cannot be read as UTF-8 text: {error}") from None
    if path.suffix in (".csv", ".tsv"):
        yield from _of_table(text, path)
        return
    if path.name.endswith(LHOTSE_SUFFIXES):
        yield from _of_list(text, path)
        return
    for number, line in enumerate(text.splitlines(), 1):
        if path.suffix == ".txt" and line.strip():
            yield tuple(dict.fromkeys((line.strip(), line.strip().replace("\\", "/"))))
        elif line.strip():
            yield from _of_record(line, f"{path}:{number}")


def _of_table(text: str, path: Path) -> Iterator[Names]:
    """The names in a table's column id, else path; a table of a single column is a list."""
    delimiter = max(",;\t", key=text.partition("\n")[0].count)
    lines = io.StringIO(text, newline="")
    is_tsv = delimiter == "\t"  # which has no quoting
    rows = csv.reader(lines, delimiter=delimiter, quoting=csv.QUOTE_NONE) if is_tsv else csv.reader(lines, delimiter=delimiter)
    head = [cell.strip() for cell in next(rows, [])]
    column = next((name for name in _NAMES for cell in head if cell.lower() == name), None)
    if column is None and len(head) > 1:
        raise ParameterError(f"{path}:1: expected a column id or path, got {', '.join(head)}")
    place = 0 if column is None else [cell.lower() for cell in head].index(column)
    for row in ([head] if column is None else []) + list(rows):
        if any(_holds_row(cell, delimiter, len(head)) for cell in row):
            raise ParameterError(
                f"{path}:{rows.line_num}: a quotation mark opened a cell that swallows rows; save the list with "
                "its column of ids alone"
            )
        name = row[place].strip() if len(row) > place else ""
        if name:
            yield name, PurePosixPath(name.replace("\\", "/")).as_posix()


def _holds_row(cell: str, delimiter: str, columns: int) -> bool:
    """Whether a line of a cell has the columns of a row; a text of several lines has spaces after its commas."""
    lines = cell.splitlines()[1:]
    return any(columns > 1 and line.count(delimiter) == columns - 1 and f"{delimiter} " not in line for line in lines)


def _of_list(text: str, path: Path) -> Iterator[Names]:
    """The names in one list of lhotse's cuts or supervisions."""
    try:
        records = json.loads(text)
    except ValueError as error:
        raise ParameterError(f"{path}: not JSON ({error})") from None
    for number, record in enumerate(records if isinstance(records, list) else [records], 1):
        yield from _of_record(json.dumps(record), f"{path}: number {number}")


def _of_record(line: str, where: str) -> Iterator[Names]:
    try:
        record = json.loads(line)
    except ValueError as error:
        raise ParameterError(f"{where}: not JSON ({error})") from None
    if not isinstance(record, dict) or not isinstance(record.get("key", record.get("id")), str):
        raise ParameterError(f"{where}: expected an object with key (EmoBox) or id (lhotse), got {line[:60]!r}")
    if "key" in record:
        yield _emobox_names(record)
    else:
        yield from _lhotse_names(record, where)


def _lhotse_names(record: dict[str, Any], where: str) -> Iterator[Names]:
    """Of each supervision in a cut, as a piece of it and as a whole; a cut or a supervision alone by its id."""
    cut, name = record, record["id"]
    if isinstance(record.get("tracks"), list):  # padded with silence
        tracks = [track.get("cut") for track in record["tracks"] if isinstance(track, dict)]
        cut = next((track for track in tracks if isinstance(track, dict) and track.get("type") != "PaddingCut"), record)
    parts = cut.get("supervisions") or []
    if not isinstance(parts, list) or not all(isinstance(part, dict) and "id" in part for part in parts):
        raise ParameterError(f"{where}: supervisions must be objects with an id")
    if not parts:
        yield (name,)
    for part in parts:
        if _lies_inside(part, cut):
            whole = str(part["id"])
            yield (f"{whole}@{name}", whole, name) if len(parts) == 1 else (f"{whole}@{name}", whole)


def _lies_inside(part: Mapping[str, Any], cut: Mapping[str, Any]) -> bool:
    """Whether a supervision has any of its cut; the recipe leaves out those that have not."""
    times = part.get("start", 0), part.get("duration", 0), cut.get("duration", math.inf)
    if not all(isinstance(time, (int, float)) for time in times):
        return True
    start, duration, end = times
    return not duration or (start + duration > 0 and start < end)


def _emobox_names(record: Mapping[str, Any]) -> Names:
    """The key, without its corpus, and the file's path, as it is and below ``downloads/<corpus>``."""
    key, wav = record["key"], PurePosixPath(str(record.get("wav", record.get("audio", ""))))
    bare = key.removeprefix(f"{record.get('dataset', '')}-")
    return key, bare, wav.as_posix(), PurePosixPath(*wav.parts[2:]).as_posix()


def _natural(item: tuple[str, Any]) -> tuple[Any, ...]:
    """Fold 10 after fold 9."""
    return (0, int(item[0]), "") if item[0].isdigit() else (1, 0, item[0])
