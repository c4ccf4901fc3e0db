"""What the leak is worth: fair folds, a sound interval, nothing computed twice, and a planted leak that is measured."""

import json

import numpy as np
import pytest

from featurekit.errors import ParameterError, SplitError, UnknownNameError
from featurekit.experiments.leak import Leak, LeakSettings, deal

LABELS = {f"s{speaker}_{n}": "abc"[n % 3] for speaker in range(6) for n in range(12)}
SPEAKERS = {name: name.split("_")[0] for name in LABELS}


def settings(store, **changes):
    return LeakSettings(
        **{"store": str(store), "features": "rms,spectral_centroid", "task": "sentiment3", "folds": 3, "seeds": 2} | changes
    )


@pytest.mark.parametrize("speakers", [None, SPEAKERS])
def test_every_utterance_is_tested_once_in_folds_of_one_size(speakers):
    hands = deal(LABELS, speakers, 3, 0)
    assert sorted(name for hand in hands for name in hand) == sorted(LABELS)
    assert [len(hand) for hand in hands] == [24, 24, 24]
    shuffled = dict(sorted(LABELS.items(), key=lambda item: item[0][::-1]))
    assert deal(shuffled, speakers, 3, 0) == hands
    assert deal(LABELS, speakers, 3, 1) != hands


def test_speakers_are_dealt_whole_and_utterances_class_by_class():
    for hand in deal(LABELS, SPEAKERS, 3, 0):
        assert len({SPEAKERS[name] for name in hand}) == 2
    for hand in deal(LABELS, None, 3, 0):
        assert sorted(LABELS[name] for name in hand) == sorted("abc" * 8)


def test_a_planted_leak_is_measured(making, tmp_path):
    """Each speaker has a voice of its own and one emotion: known speakers are all right, unknown ones are chance."""
    from featurekit.manifest import Utterance

    rng = np.random.default_rng(0)
    utterances = [
        Utterance(
            f"s{who:02}_{n}",
            f"{who}/{n}.wav",
            speaker=f"s{who:02}",
            labels={"emotion": "ab"[who % 2]},
            fingerprint=f"{who:032}{n:032}",
        )
        for who in range(12)
        for n in range(8)
    ]
    voices = 10 * rng.normal(size=(12, 24))
    making.vectors(tmp_path / "s", utterances, [voices[who] + rng.normal(size=24) for who in range(12) for _ in range(8)])
    result = Leak(settings(tmp_path / "s", features="voice", task="emotion", folds=4, seeds=3), out=tmp_path).execute()
    assert result["protocols"]["random"]["ua"] == 1.0
    assert result["protocols"]["speaker-disjoint"]["ua"] < 0.8
    assert result["difference"]["interval"][0] > 0
    assert "SPEAKERS OVERLAP" in result["protocols"]["random"]["verdict"]
    assert result["protocols"]["speaker-disjoint"]["verdict"].startswith("speaker-disjoint")


def test_what_is_computed_is_kept_and_more_seeds_cost_only_themselves(tiny_store, tmp_path, monkeypatch):
    first = Leak(settings(tiny_store), out=tmp_path).execute()
    fitted = []
    original = Leak._logistic
    monkeypatch.setattr(
        Leak, "_logistic", lambda self, split, kept, seed: fitted.append(seed) or original(self, split, kept, seed)
    )
    assert Leak(settings(tiny_store), out=tmp_path).execute() == first
    assert fitted == []
    longer = Leak(settings(tiny_store, seeds=3), out=tmp_path).execute()
    assert fitted == [2, 2]
    assert longer["difference"]["by_seed"][:2] == first["difference"]["by_seed"]
    (folder,) = tmp_path.iterdir()
    assert json.loads((folder / "leak.json").read_text())["seeds"] == 3


def test_a_model_of_the_registry_is_trained_by_runs_of_its_own(tiny_store, tmp_path):
    quick = {"epochs": 1, "device": "cpu", "n_frames": 40}
    result = Leak(settings(tiny_store, model="ub-bilstm", folds=2, seeds=1, training=quick), out=tmp_path).execute()
    assert result["n"] == 36
    assert len(result["difference"]["by_seed"]) == 1


def test_what_cannot_be_measured_is_refused(tiny_store, tmp_path):
    for changes, error, message in (
        ({"folds": 7}, SplitError, "6 speakers cannot fill 7 folds"),
        ({"folds": 1}, ParameterError, "at least 2 folds"),
        ({"model": "pooled-logistics"}, UnknownNameError, "did you mean pooled-logistic"),
        ({"features": "mel256"}, ParameterError, "no column"),
    ):
        with pytest.raises(error, match=message):
            Leak(settings(tiny_store, **changes), out=tmp_path)
