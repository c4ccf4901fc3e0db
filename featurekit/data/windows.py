"""Context windows: an utterance between its neighbours in the conversation, never out of recording or part."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from featurekit.errors import ParameterError
from featurekit.manifest import Manifest

CONTEXTS = ("same_speaker", "any_speaker")


def check_size(size: int) -> None:
    """Refuse a window that has no middle.

    Raises
    ------
    ParameterError
        For an even size or one below 1.
    """
    if size < 1 or size % 2 == 0:
        raise ParameterError(f"a context window has an odd number of utterances, the target in the middle; got {size}")


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
    if context not in CONTEXTS:
        raise ParameterError(f"context is {context!r}; expected {' or '.join(CONTEXTS)}")
    allowed = dict.fromkeys(manifest.index(name) for name in ids)
    rows = list(allowed) if targets is None else [manifest.index(name) for name in targets]
    strangers = [manifest.utterances[row].id for row in rows if row not in allowed]
    if strangers:
        raise ParameterError(f"targets must be among the ids that may be seen; {strangers[0]!r} is not")
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
