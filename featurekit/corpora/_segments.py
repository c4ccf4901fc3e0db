"""Corpora that are one table of segments beside the recordings' audio or video: ``video,segment[,start,end]`` and labels."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from featurekit.audio import is_video_name
from featurekit.corpora._labels import ImpossibleSpans, number, once, records, say_left_out, whole
from featurekit.corpora._walk import audio_paths, by_stem
from featurekit.errors import ManifestError

COLUMNS = ("video", "segment")
TIMES = ("start", "end")


@dataclass(frozen=True)
class Segment:
    """One row.

    Parameters
    ----------
    where : str
        File and line.
    video, segment : str, int
        The recording and the segment's number in it.
    path : str
        The recording's file, or the segment's own.
    start, end : float or None
        Seconds in the recording; None where the segment has a file of its own.
    cells : dict
        All cells by column.
    """

    where: str
    video: str
    segment: int
    path: str
    start: float | None
    end: float | None
    cells: dict[str, str]


def segments(root: Path, table: Path, labels: Collection[str]) -> Iterator[Segment]:
    """Read a table; audio, else video, is looked for below its folder as ``<video>_<segment>`` and as ``<video>``.

    A row needs its times, :data:`TIMES`, where its segment has no file of its own.

    A stretch of a video whose times cannot be is left out, and said.

    Parameters
    ----------
    root : Path
        The corpus's folder; paths are relative to it.
    table : Path
        Its audio lies in or below its folder.
    labels : collection of str
        Columns it must have besides :data:`COLUMNS`.

    Raises
    ------
    ManifestError
        For a broken row, a segment told twice, or a file that is there twice.
    """
    folder = table.parent.relative_to(root)
    files = by_stem(_heard(audio_paths(table.parent, videos=True)))
    used: set[str] = set()
    seen: dict[str, str] = {}
    impossible = ImpossibleSpans()
    for where, cells in records(table, (*COLUMNS, *labels)):
        video, segment = cells["video"], whole(cells["segment"], "segment", where)
        name = f"{video}_{segment}"
        once(seen, name, where)
        times = _times(cells, where)
        if times is None and name not in files and video in files:
            raise ManifestError(
                f"{where}: {files[video]} is a whole recording, and the row has no {' and '.join(TIMES)}; say the times of the "
                f"segment, or cut it into a file of its own, {name}"
            )
        file = files.get(name) or files.get(video) or f"audio/{video if times else name}.wav"
        used.add(file)
        start, end = (None, None) if times is None or name in files else times
        if start is not None and end is not None and impossible.has(start, end, where):
            continue
        yield Segment(where, video, segment, PurePosixPath(folder, file).as_posix(), start, end, cells)
    impossible.say()
    say_left_out(set(files.values()) - used, f"are not in {table}")


def _heard(paths: list[str]) -> list[str]:
    """Files without the videos of which there is audio, in whatever folder; these are said."""
    audio = {PurePosixPath(path).stem for path in paths if not is_video_name(path)}
    left_out = {path for path in paths if is_video_name(path) and PurePosixPath(path).stem in audio}
    say_left_out(left_out, "are videos of which there is audio")
    return [path for path in paths if path not in left_out]


def _times(cells: dict[str, str], where: str) -> tuple[float, float] | None:
    """Start and end of a row; None where it has neither."""
    if not any(cells.get(column) for column in TIMES):
        return None
    start, end = (number(cells.get(column, ""), column, where) for column in TIMES)
    return start, end
