"""Which bytes of a file are frames of MPEG audio, and where another encoding begins in a file that was joined."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from featurekit.audio.containers import tags
from featurekit.audio.containers.mpeg_counts import Count, count_at
from featurekit.audio.containers.mpeg_frames import Kind, Run, follow_each_other, kind_at, walk
from featurekit.audio.containers.recording import Source, Span
from featurekit.audio.statuses import Status
from featurekit.errors import AudioError

IN_A_ROW = 3  # frames that follow each other; two do so by chance in a few megabytes of noise
_HEADER = re.compile(rb"\xff[\xe2-\xe7\xf2-\xff][\x00-\xef]")
_SEARCHED = 1 << 20  # bytes at a time


@dataclass
class Part:
    """What was encoded in one go.

    Attributes
    ----------
    kind : Kind
        Of its frames.
    start : int
        Where it begins.
    count : Count or None
        What its first frame says, where that is no sound.
    spans : list of Span
        The frames that are sound.
    frames : int
        How many.
    """

    kind: Kind
    start: int
    count: Count | None = None
    spans: list[Span] = field(default_factory=list)
    frames: int = 0

    @property
    def seconds(self) -> float:
        """Length of the frames."""
        return self.frames * self.kind.samples / self.kind.sample_rate


def search(source: Source, start: int, before: int, end: int, in_a_row: int, free: bool = False) -> int | None:
    """Offset of the first frame that begins between ``start`` and ``before`` and that others follow; None without one."""
    while start < min(before, end):
        data = source.read(start, min(_SEARCHED, end - start))
        for match in _HEADER.finditer(data):
            position = start + match.start()
            if position >= before:
                return None
            kind = kind_at(source, position, end, free)
            if kind and follow_each_other(source, position, end, kind, in_a_row):
                return position
        if len(data) < _SEARCHED:
            return None
        start += len(data) - 3
    return None


def parts_in(source: Source, position: int, end: int) -> tuple[list[Part], int | None]:
    """All frames from an offset on, and where bytes that are neither frame, tag nor padding begin behind the last, if any do.

    Raises
    ------
    AudioError
        TRUNCATED for a last frame that is not whole; DECODE where frames are damaged, or change their rate or channels.
    """
    parts: list[Part] = []
    while True:
        position, last = _read_part(source, position, end, parts)
        begins = tags.after_any(source, position, end)
        if begins >= end or (end == source.size and tags.only_tail(source, begins)):
            return parts, None
        kind = kind_at(source, begins, end)
        same = kind is not None and kind[:4] == parts[-1].kind[:4]
        if not same and not (kind and follow_each_other(source, begins, end, kind, IN_A_ROW)):
            _refuse_cut_header(source, begins, end, parts[-1].kind)
            again = search(source, last + 1, end, end, IN_A_ROW)
            if again is None:
                return parts, begins
            if again < begins or not tags.fill(source, begins, again):
                seconds = sum(part.seconds for part in parts)
                reason = f"is damaged at byte {position}, after {seconds:.2f} s: frames go on at byte {again}"
                raise AudioError(Status.DECODE, reason)
            begins = again
        position = begins


def _read_part(source: Source, position: int, end: int, parts: list[Part]) -> tuple[int, int]:
    """Add the frames that follow each other from an offset on; the offset behind them, and that of the last one."""
    kind = kind_at(source, position, end)
    if kind is None:
        raise AudioError(Status.DECODE, f"holds no MPEG frame at byte {position}")
    start, last, count = position, position, count_at(source, position, end, kind)
    if count is not None:
        position += len(count.data)
        sound = kind_at(source, position, end)
        if sound is not None and sound[:3] == kind[:3]:
            kind = sound  # a frame that only counts may say stereo before a mono stream
    if count is not None or not parts or kind != parts[-1].kind:
        _refuse_change(parts, kind, start)
        parts.append(Part(kind, start, count))
    run = walk(source, position, end, kind)
    if run.frames:
        _refuse_cut(source, run, end)
        parts[-1].spans.append(Span(position, run.end - position))
        parts[-1].frames += run.frames
        position, last = run.end, run.last
    return position, last


def _refuse_change(parts: list[Part], kind: Kind, position: int) -> None:
    if not parts:
        return
    before = parts[-1].kind
    if (before.sample_rate, before.channels) == (kind.sample_rate, kind.channels):
        return
    one, other = (f"{k.sample_rate} Hz, {k.channels} {'channel' if k.channels == 1 else 'channels'}" for k in (before, kind))
    seconds = sum(part.seconds for part in parts)
    raise AudioError(Status.DECODE, f"changes from {one} to {other} after {seconds:.2f} s: cut it at byte {position}")


def _refuse_cut(source: Source, run: Run, end: int) -> None:
    """Refuse a last frame that is not whole, whether the data end in it or a tag begins in it."""
    tail = min(run.end, end)
    if end == source.size:
        before = tags.before_tail(source, run.last)
        if run.last < before < tail and any(source.read(before, tail - before)):  # zeros may be of the frame
            tail = before
    if tail < run.end:
        present, promised = tail - run.last, run.end - run.last
        raise AudioError(Status.TRUNCATED, f"the last MPEG frame has {present} of its {promised} bytes, at byte {run.last}")


def _refuse_cut_header(source: Source, position: int, end: int, kind: Kind) -> None:
    """Refuse one to three bytes of a frame's header where the data end, or a tag begins."""
    if end == source.size:
        end = tags.before_tail(source, position)
    rest = source.read(position, min(4, end - position))
    if len(rest) < 4 and rest[:1] == b"\xff" and (len(rest) == 1 or rest[1] | 1 == kind.second_byte):
        raise AudioError(Status.TRUNCATED, f"the last MPEG frame has {len(rest)} bytes of its header, at byte {position}")
