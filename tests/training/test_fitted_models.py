"""Models that are fitted, not trained, go through the same loop, checkpoint and prediction."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from featurekit.evaluation import score
from featurekit.models import rebuild
from featurekit.training import TrainSettings, build_for, fit, load_checkpoint, predict, records, save_checkpoint, settings_for

pytest.importorskip("sklearn")
NAMES = ["svm", "naive-bayes", "gmm", "hmm", "dtw", "random-forest", "gradient-boosting"]


def finished(name, parts, seed=0):
    pytest.importorskip({"hmm": "hmmlearn", "dtw": "dtaidistance"}.get(name, "sklearn"))
    train, dev, test = parts(context=1)
    settings = replace(settings_for(name), device="cpu", seed=seed)
    model = build_for(name, train, seed=seed)
    return fit(model, train, dev, settings), model, test, settings


@pytest.mark.parametrize("name", NAMES)
def test_one_epoch_fits_scores_and_keeps_it(parts, name):
    result, model, test, settings = finished(name, parts)
    assert len(result.history) == result.best_epoch == 1
    assert result.history[0]["lr"] == 0.0
    assert result.history[0]["train_loss"] < np.log(3)
    assert result.history[0]["dev_ua"] > 0.6
    assert (predict(model, test, settings).classes == test.labels).mean() > 0.6


@pytest.mark.parametrize("name", NAMES)
def test_a_checkpoint_judges_as_the_model_that_was_fitted(parts, name, tmp_path):
    result, model, test, settings = finished(name, parts)
    save_checkpoint(tmp_path, result.state, {"name": name})
    state, _ = load_checkpoint(tmp_path)
    again = rebuild(name, n_classes=3, dims=4)
    again.load_state_dict(state)
    np.testing.assert_array_equal(predict(again, test, settings).logits, predict(model, test, settings).logits)


@pytest.mark.parametrize("name", NAMES)
def test_equal_seeds_give_equal_bits(parts, name):
    torch.manual_seed(7)
    one, *_ = finished(name, parts)
    two, *_ = finished(name, parts)
    assert one.state.keys() == two.state.keys()
    assert all(torch.equal(one.state[key], two.state[key]) for key in one.state)


def test_the_inner_folds_of_the_svm_are_told_who_speaks(parts, monkeypatch):
    told = {}
    train, _, _ = parts(context=1)
    model = build_for("svm", train)
    monkeypatch.setattr(model, "prepare", lambda batches, generator, *, speakers: told.update(speakers))
    monkeypatch.setattr(model, "forward", lambda batch: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        fit(model, train, None, TrainSettings(device="cpu"))
    assert told == dict(zip(train.ids, train.speakers, strict=True))
    assert set(told.values()) == {"s0", "s1", "s2", "s3"}


@pytest.mark.parametrize("name", NAMES)
def test_only_models_that_know_probabilities_claim_some(parts, name):
    _, model, test, settings = finished(name, parts)
    rows = records(test, predict(model, test, settings))
    ordering = name in ("svm", "dtw", "gmm", "hmm")
    assert all(
        ("scores" in row, "order_by" in row, "probabilities" in row) == (ordering, ordering, not ordering) for row in rows
    )
    assert (score(rows)["calibration"]["ece"] is None) == ordering
