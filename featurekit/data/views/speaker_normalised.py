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

import numpy as np

from featurekit.data.normalise import Normaliser
from featurekit.data.views.store_view import DelegatingView, StoreView
from featurekit.errors import ParameterError
from featurekit.store import ColumnInfo

LEAST_UTTERANCES = 2  # a vector less the mean of itself alone is nothing


class SpeakerNormalisedStore(DelegatingView):
    """Frames and vectors of mean 0 and deviation 1 for each speaker.

    Parameters
    ----------
    store : StoreView
    speaker_from : {"manifest", "recording"}
        What counts as a speaker, as for splits.

    Raises
    ------
    ParameterError
        When the manifest names no speaker, or one has a single utterance.
    """

    def __init__(self, store: StoreView, speaker_from: str = "manifest") -> None:
        super().__init__(store)
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
    def columns(self) -> Mapping[str, ColumnInfo]:
        """Those of the store, as numbers without a unit."""
        return {name: dataclasses.replace(info, unit="", dtype="f4") for name, info in self.store.columns.items()}

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
