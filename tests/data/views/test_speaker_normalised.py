from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from featurekit.data import Normaliser, SpeakerNormalisedStore
from featurekit.errors import ParameterError
from featurekit.manifest import Manifest


@pytest.fixture
def speakers(store):
    """The rows of each speaker."""
    rows: dict[str, list[int]] = {}
    for row, utterance in enumerate(store.manifest):
        rows.setdefault(utterance.speaker, []).append(row)
    return rows


@pytest.mark.parametrize("column", ["x/c0", "x/vector"])
def test_every_speaker_has_mean_0_and_deviation_1(store, speakers, column):
    view = SpeakerNormalisedStore(store)
    for rows in speakers.values():
        values = np.concatenate([view.read(column, row) for row in rows])
        np.testing.assert_allclose(values.mean(axis=0), 0, atol=1e-5)
        np.testing.assert_allclose(values.std(axis=0), 1, atol=1e-5)
    assert view.lengths(column).tolist() == store.lengths(column).tolist()


def test_what_a_speaker_is_like_makes_no_difference(store, speakers):
    before = SpeakerNormalisedStore(store)
    wanted = [before.read("x/c0", row) for row in range(len(store.manifest))]
    for number, rows in enumerate(speakers.values()):
        for row in rows:
            store.values["x/c0"][row] = store.values["x/c0"][row] * (number + 1) + 10 * number
    after = SpeakerNormalisedStore(store)
    for row, values in enumerate(wanted):
        np.testing.assert_allclose(after.read("x/c0", row), values, atol=1e-4)


def test_power_is_standardised_in_decibels_and_only_once(store):
    store.columns["x/c0"] = replace(store.columns["x/c0"], unit="power")
    store.values["x/c0"] = [np.abs(values) + 1 for values in store.values["x/c0"]]
    view = SpeakerNormalisedStore(store)
    fitted = Normaliser.fit(view, ["x/c0"], store.manifest.ids)
    assert fitted.columns["x/c0"]["scale"] == "none"
    np.testing.assert_allclose(fitted.columns["x/c0"]["mean"], 0, atol=1e-6)
    np.testing.assert_allclose(fitted.columns["x/c0"]["std"], 1, atol=1e-6)


def test_recordings_can_stand_in_for_speakers(store):
    by_recording = SpeakerNormalisedStore(store, "recording")
    rows = [row for row, item in enumerate(store.manifest) if item.recording == store.manifest.utterances[0].recording]
    np.testing.assert_allclose(np.concatenate([by_recording.read("x/c0", row) for row in rows]).mean(axis=0), 0, atol=1e-5)


@pytest.mark.parametrize(("speaker", "words"), [("somebody", "'somebody' has one utterance"), ("", "name no speaker")])
def test_who_is_heard_once_or_not_named_is_refused(store, speaker, words):
    first, *others = store.manifest
    store.manifest = Manifest([replace(first, speaker=speaker), *others])
    with pytest.raises(ParameterError, match=words):
        SpeakerNormalisedStore(store)
