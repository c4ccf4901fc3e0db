"""Context: an utterance between its neighbours, or in its whole recording; never out of recording or part."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from featurekit.errors import ParameterError
from featurekit.manifest import Manifest

CONTEXTS = ("same_speaker", "any_speaker")
WHOLE = 0  # as a context: all utterances of the recording


def check_size(size: int) -> None:
    """Refuse a window that has no middle.

    Raises
    ------
    ParameterError
        For an even size or one below 1.
    """
    if size < 1 or size % 2 == 0:
        raise ParameterError(f"a context window has an odd number of utterances, the target in the middle; got {size}")


def in_words(size: int) -> str:
    """A context as a person reads it."""
    return "whole recordings" if size == WHOLE else str(size)


def context_windows(
    manifest: Manifest,
    ids: Iterable[str],
    size: int = 3,
    context: str = "same_speaker",
    targets: Iterable[str] | None = None,
) -> np.ndarray:
    """For each target, the utterances around it; the target is the middle one.

    A neighbour is the previous or next utterance of the same recording by ``position`` (with ``same_speaker``: of the
    same speaker in it). One that is not in ``ids`` (another part, a failed utterance) leaves its slot empty; it is
    not replaced by a farther one, since the papers' windows are continuous. Augmented children see only children of
    the same perturbation.

    Parameters
    ----------
    manifest : Manifest
        Gives recordings, positions and speakers.
    ids : iterable of str
        The utterances that may be seen: one part of a split.
    size : int
        Slots in a window, odd: 1 is no context, 3 is previous, target, next.
    context : {"same_speaker", "any_speaker"}
        Whose utterances count as neighbours in a dialogue.
    targets : iterable of str, optional
        Which of ``ids`` get a window (those with a label, say); all by default.

    Returns
    -------
    int64 array (n, size)
        Manifest indices in the order of ``targets``; -1 where there is no neighbour.

    Raises
    ------
    ParameterError
        For an even size, an unknown context, or a target that is not in ``ids``.
    """
    check_size(size)
    allowed, rows = _checked(manifest, ids, context, targets)
    half = size // 2
    windows = np.full((len(rows), size), -1, dtype=np.int64)
    threads = _threads(manifest, context) if half else {}
    for row, target in enumerate(rows):
        windows[row, half] = target
        if not half:
            continue
        thread, place = threads[target]
        for offset in range(-half, half + 1):
            if 0 <= place + offset < len(thread) and thread[place + offset] in allowed:
                windows[row, half + offset] = thread[place + offset]
    return windows


def whole_recordings(
    manifest: Manifest, ids: Iterable[str], context: str = "same_speaker", targets: Iterable[str] | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """For each target, all utterances of its recording that may be seen, in their order.

    With ``same_speaker`` those of its speaker alone. What is not in ``ids`` is not there, and leaves no gap. Augmented
    children see only children of the same perturbation.

    Parameters
    ----------
    manifest, ids, context, targets
        As of :func:`context_windows`.

    Returns
    -------
    rows : int64 array (n, L)
        Manifest indices in the order of ``targets``, L of the longest recording; -1 behind the last one.
    places : int64 array (n,)
        Where in its recording each target is.

    Raises
    ------
    ParameterError
        As :func:`context_windows`.
    """
    allowed, targeted = _checked(manifest, ids, context, targets)
    threads = _threads(manifest, context)
    seen: dict[int, list[int]] = {}
    for row in targeted:
        thread = threads[row][0]
        if id(thread) not in seen:
            seen[id(thread)] = [other for other in thread if other in allowed]
    mine = [seen[id(threads[row][0])] for row in targeted]
    rows = np.full((len(targeted), max(map(len, mine), default=1)), -1, dtype=np.int64)
    for place, thread in enumerate(mine):
        rows[place, : len(thread)] = thread
    return rows, np.array([thread.index(row) for row, thread in zip(targeted, mine, strict=True)], dtype=np.int64)


def as_recordings(slots: np.ndarray, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Targets of one recording in one row, where they follow each other in its order.

    Parameters
    ----------
    slots : int64 array (n, L)
        The recording of each target; -1 is an empty slot, behind the others.
    places : int64 array (n,)
        Where in it the target is.

    Returns
    -------
    slots : int64 array (V, C)
        The recordings, C of the longest of them.
    targets : bool array (V, C)
        Where the targets are; read row by row they are in the order they had.
    """
    begins = np.ones(len(places), dtype=bool)
    begins[1:] = (slots[1:] != slots[:-1]).any(axis=1) | (places[1:] <= places[:-1])
    rows = slots[begins]
    targets = np.zeros(rows.shape, dtype=bool)
    targets[np.cumsum(begins) - 1, places] = True
    width = int((rows >= 0).sum(axis=1).max(initial=1))
    return rows[:, :width], targets[:, :width]


def _checked(
    manifest: Manifest, ids: Iterable[str], context: str, targets: Iterable[str] | None
) -> tuple[dict[int, None], list[int]]:
    """Manifest indices of what may be seen, and of the targets."""
    if context not in CONTEXTS:
        raise ParameterError(f"context is {context!r}; expected {' or '.join(CONTEXTS)}")
    allowed = dict.fromkeys(manifest.index(name) for name in ids)
    rows = list(allowed) if targets is None else [manifest.index(name) for name in targets]
    strangers = [manifest.utterances[row].id for row in rows if row not in allowed]
    if strangers:
        raise ParameterError(f"targets must be among the ids that may be seen; {strangers[0]!r} is not")
    return allowed, rows


def _threads(manifest: Manifest, context: str) -> dict[int, tuple[list[int], int]]:
    """Manifest index → (the conversation thread it belongs to, its place in it)."""
    threads: dict[tuple[str, ...], list[int]] = {}
    for index, utterance in enumerate(manifest.utterances):
        key = (utterance.recording, utterance.perturbation)
        threads.setdefault((*key, utterance.speaker) if context == "same_speaker" else key, []).append(index)
    places = {}
    for thread in threads.values():
        thread.sort(key=lambda index: (manifest.utterances[index].position, index))
        for place, index in enumerate(thread):
            places[index] = (thread, place)
    return places
