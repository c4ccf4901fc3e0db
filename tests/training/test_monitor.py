"""Which epoch is kept, by each monitor, and that a fit which goes on keeps the same one."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

from featurekit.errors import ParameterError
from featurekit.training import TrainSettings, build_for, fit, resolved
from featurekit.training import resume as resuming
from featurekit.training.monitor import best_epoch, has_converged

SETTINGS = TrainSettings(lr=3e-2, epochs=6, batch_size=7, device="cpu")
# Each monitor has another best epoch; the third is the second's equal in UA and WA.
CLASSES = [
    {"epoch": 1, "dev_ua": 0.5, "dev_wa": 0.7, "dev_loss": 0.9},
    {"epoch": 2, "dev_ua": 0.6, "dev_wa": 0.5, "dev_loss": 0.8},
    {"epoch": 3, "dev_ua": 0.6, "dev_wa": 0.5, "dev_loss": 0.7},
    {"epoch": 4, "dev_ua": 0.4, "dev_wa": 0.4, "dev_loss": 0.2},
    {"epoch": 5, "dev_ua": 0.4, "dev_wa": 0.4, "dev_loss": 0.2},
]
RATINGS = [
    {"epoch": 1, "dev_ccc": 0.5, "dev_mae": 0.3, "dev_loss": 0.5},
    {"epoch": 2, "dev_ccc": 0.4, "dev_mae": 0.1, "dev_loss": 0.6},
    {"epoch": 3, "dev_ccc": 0.3, "dev_mae": 0.2, "dev_loss": 0.4},
]


@pytest.mark.parametrize(
    ("history", "monitor", "expected"),
    [
        (CLASSES, "ua", 3),
        (CLASSES, "wa", 1),
        (CLASSES, "loss", 4),
        (RATINGS, "ccc", 1),
        (RATINGS, "mae", 2),
        (RATINGS, "loss", 3),
        ([{"epoch": 1}, {"epoch": 2}], "ua", 2),  # without a development part
    ],
)
def test_the_best_epoch_by_each_monitor(history, monitor, expected):
    assert best_epoch(history, monitor) == expected


def test_patience_and_improvement_look_at_the_monitor():
    falling = [{"epoch": n, "dev_ua": 0.5, "dev_wa": 0.5, "dev_loss": 1 / n} for n in range(1, 9)]
    patient = TrainSettings(patience=3)
    assert not has_converged(falling, replace(patient, monitor="wa"))  # of equals the lower loss is better
    flat = [row | {"dev_loss": 1.0} for row in falling]
    assert has_converged(flat, replace(patient, monitor="wa"))
    by_mean = TrainSettings(improvement=0.01, improvement_epochs=2)
    assert has_converged(falling, replace(by_mean, monitor="ua"))
    assert not has_converged(falling, replace(by_mean, monitor="loss"))


def test_auto_is_what_fits_the_task_and_others_are_refused_with_those_that_do():
    emotion, ratings = (SimpleNamespace(name=name, kind=kind) for name, kind in (("emotion", "classes"), ("valence", "values")))
    assert [resolved(TrainSettings(), task).monitor for task in (emotion, ratings)] == ["ua", "ccc"]
    with pytest.raises(ParameterError, match=r"monitor is 'ccc'; task emotion learns classes, whose .* chosen by ua, wa, loss"):
        resolved(TrainSettings(monitor="ccc"), emotion)
    with pytest.raises(ParameterError, match=r"monitor is 'wa'; .* learns ratings, whose epoch is chosen by ccc, mae, loss"):
        resolved(TrainSettings(monitor="wa"), ratings)


def started(parts, settings, folder=None, stop_after=None):
    train, dev, _ = parts(context=1)

    def hear(row):
        if row["epoch"] == stop_after:
            raise KeyboardInterrupt

    return fit(build_for("mlp-pool", train), train, dev, settings, folder=folder, on_epoch=hear)


@pytest.mark.parametrize("monitor", ["wa", "loss"])
def test_an_interrupted_fit_goes_on_to_the_bits_of_the_epoch_that_the_monitor_chooses(parts, tmp_path, monkeypatch, monitor):
    monkeypatch.setattr(resuming, "_SHARE", 1.0)  # each epoch is kept, however short it was
    settings = replace(SETTINGS, monitor=monitor)
    whole = started(parts, settings)
    with pytest.raises(KeyboardInterrupt):
        started(parts, settings, tmp_path, stop_after=3)
    went_on = started(parts, settings, tmp_path)
    sign = -1 if monitor == "loss" else 1
    assert whole.best_epoch == max(whole.history, key=lambda row: (sign * row[f"dev_{monitor}"], -row["dev_loss"]))["epoch"]
    assert went_on.best_epoch == whole.best_epoch
    assert all(torch.equal(value, went_on.state[name]) for name, value in whole.state.items())


def test_what_was_kept_by_another_monitor_is_not_gone_on_with(parts, tmp_path, monkeypatch):
    monkeypatch.setattr(resuming, "_SHARE", 1.0)
    with pytest.raises(KeyboardInterrupt):
        started(parts, SETTINGS, tmp_path, stop_after=3)
    notes = []
    train, dev, _ = parts(context=1)
    fit(build_for("mlp-pool", train), train, dev, replace(SETTINGS, monitor="loss"), folder=tmp_path, on_note=notes.append)
    assert not any("goes on" in note for note in notes)
