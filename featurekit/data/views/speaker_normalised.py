"""A store whose values are standardised within each speaker: a view on it, which everything reads as it reads a store.

What a voice is like at all (its pitch, its loudness, the room) goes, what it does in one utterance stays. Mean and deviation
come from all utterances of the speaker, those of a test part too, though from no label: a result is *transductive*, it holds
for who is heard often before the first is judged, and says so beside every figure. Published results often leave it unsaid.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np

from featurekit.data.normalise import Normaliser, StoreLike
from featurekit.errors import ParameterError
from featurekit.manifest import Manifest

LEAST_UTTERANCES = 2  # a vector less the mean of itself alone is nothing


class SpeakerNormalisedStore:
    """Frames and vectors of mean 0 and deviation 1 for each speaker (:class:`~featurekit.data.normalise.StoreLike`).

    Parameters
    ----------
    store : Store
    speaker_from : {"manifest", "recording"}
        What counts as a speaker, as for splits.

    Raises
    ------
    ParameterError
        When the manifest names no speaker, or one has a single utterance.
    """

    def __init__(self, store: StoreLike, speaker_from: str = "manifest") -> None:
        self.store = store
        by_recording = speaker_from == "recording"
        self._speakers = [item.recording if by_recording else item.speaker for item in store.manifest]
        self._normalisers: dict[tuple[str, str], Normaliser] = {}
        counts = Counter(self._speakers)
        unfit = sorted(speaker for speaker, count in counts.items() if not speaker or count < LEAST_UTTERANCES)
        if unfit:
            what = (
                f"{unfit[0]!r} has one utterance, which would become zeros" if unfit[0] else "some utterances name no speaker"
            )
            raise ParameterError(
                f"normalise is speaker, and {what} ({len(unfit)} of {len(counts)} speakers are like that); "
                "mend the manifest's speakers, or leave normalise at training"
            )

    @cached_property
    def columns(self) -> Mapping[str, Any]:
        """Those of the store, as numbers without a unit."""
        return {name: dataclasses.replace(info, unit="", dtype="f4") for name, info in self.store.columns.items()}

    @property
    def manifest(self) -> Manifest:
        """That of the store."""
        return self.store.manifest

    def status(self, column: str) -> np.ndarray:
        """0 ok, 1 failed, 2 skipped, (n,)."""
        return self.store.status(column)

    def lengths(self, column: str) -> np.ndarray:
        """Rows of each utterance, (n,)."""
        return self.store.lengths(column)

    def read(self, column: str, index: int) -> np.ndarray:
        """Values of one utterance, float32, as they lie among all of its speaker's."""
        speaker = self._speakers[index]
        if (column, speaker) not in self._normalisers:
            self._normalisers[column, speaker] = self._fitted(column, speaker)
        return self._normalisers[column, speaker](column, self.store.read(column, index))

    def _fitted(self, column: str, speaker: str) -> Normaliser:
        usable = np.asarray(self.store.status(column)) == 0
        mine = zip(self.manifest.ids, self._speakers, usable, strict=True)
        return Normaliser.fit(self.store, [column], [name for name, own, fine in mine if fine and own == speaker])
