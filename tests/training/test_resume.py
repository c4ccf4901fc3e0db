from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from featurekit.data import Compose, SpecAugment
from featurekit.errors import TrainingError
from featurekit.experiments import Run, RunProgress, RunSettings
from featurekit.models import Output
from featurekit.training import TrainSettings, build_for, fit
from featurekit.training import resume as resuming
from featurekit.training.resume import FILE, Keeper, Standing

SMALL = {"units1": 8, "units2": 4, "units3": 4, "dense": 8, "dropout": 0.3}
SETTINGS = TrainSettings(lr=1e-2, epochs=6, batch_size=7, device="cpu")


@pytest.fixture
def saving_always(monkeypatch):
    """Each epoch is kept, however short it was."""
    monkeypatch.setattr(resuming, "_SHARE", 1.0)


def start(parts, settings, folder=None, stop_after=None, name="ub-bilstm", hyper=SMALL, augment=None, **changes):
    """A fit from the beginning, or from where the folder says; a person interrupts it after some epoch."""
    train, dev, _ = parts(**changes)
    train.augment = augment

    def hear(row):
        if row["epoch"] == stop_after:
            raise KeyboardInterrupt

    return fit(build_for(name, train, **hyper), train, dev, settings, folder=folder, on_epoch=hear)


def same(one, two):
    def timeless(result):
        return [{key: value for key, value in row.items() if key not in ("seconds", "samples_s")} for row in result.history]

    return timeless(one) == timeless(two) and all(torch.equal(one.state[name], two.state[name]) for name in one.state)


@pytest.mark.parametrize(
    "changes",
    [
        {"optimizer": "adam"},
        {"optimizer": "adamw", "weight_decay": 0.1, "schedule": "cosine", "warmup_epochs": 1, "precision": "bf16"},
        {"optimizer": "sgd", "gradient_clip": 0.5, "accumulate": 2},
        {"optimizer": "rmsprop"},
    ],
)
def test_an_interrupted_fit_ends_in_the_same_bits(parts, tmp_path, saving_always, changes):
    settings, augment = replace(SETTINGS, **changes), Compose([SpecAugment(time_width=3, frequency_width=2)])
    straight = start(parts, settings, augment=augment)
    for stop in (2, 5):
        with pytest.raises(KeyboardInterrupt):
            start(parts, settings, tmp_path, stop_after=stop, augment=augment)
    assert same(start(parts, settings, tmp_path, augment=augment), straight)


class Convolutions(nn.Module):
    """Two layers with batch normalisation between them, whose statistics are part of the state."""

    def __init__(self):
        super().__init__()
        self.first, self.norm = nn.Conv2d(1, 4, 3, stride=2), nn.BatchNorm2d(4)
        self.second, self.classes = nn.Conv2d(4, 4, 3), nn.Linear(4, 3)

    def forward(self, batch):
        pooled = self.second(self.norm(self.first(batch.images)).relu()).mean(dim=(2, 3))
        return Output(self.classes(pooled), pooled)


def test_a_network_of_convolutions_resumes_with_its_statistics(parts, tmp_path, saving_always, monkeypatch):
    def build(name, train, **hyper):
        torch.manual_seed(0)
        return Convolutions()

    monkeypatch.setitem(globals(), "build_for", build)
    how = {"features": "x/image", "context": 1}
    with pytest.raises(KeyboardInterrupt):
        start(parts, SETTINGS, tmp_path, stop_after=2, **how)
    straight = start(parts, SETTINGS, **how)
    assert same(start(parts, SETTINGS, tmp_path, **how), straight)
    assert straight.state["norm.num_batches_tracked"] > 0


def test_patience_counts_on_over_the_interruption(parts, tmp_path, saving_always):
    settings = replace(SETTINGS, lr=1e-12, epochs=50, patience=3, optimizer="sgd")
    with pytest.raises(KeyboardInterrupt):
        start(parts, settings, tmp_path, stop_after=2)
    assert same(start(parts, settings, tmp_path), start(parts, settings))


def test_a_fit_that_ended_is_not_trained_again(parts, tmp_path, saving_always):
    done = start(parts, SETTINGS, tmp_path)
    heard = []
    train, dev, _ = parts()
    again = fit(build_for("ub-bilstm", train, **SMALL), train, dev, SETTINGS, folder=tmp_path, on_epoch=heard.append)
    assert heard == []
    assert same(again, done)


def test_what_was_kept_of_another_fit_or_is_damaged_is_passed_over(parts, tmp_path, saving_always):
    straight = start(parts, SETTINGS)
    start(parts, replace(SETTINGS, lr=1e-3), tmp_path)
    assert same(start(parts, SETTINGS, tmp_path), straight)
    data = (tmp_path / FILE).read_bytes()
    for broken in (data[: len(data) // 2], b"", data[:3]):
        (tmp_path / FILE).write_bytes(broken)
        assert same(start(parts, SETTINGS, tmp_path), straight)


def test_a_flipped_bit_in_what_was_kept_is_found_and_the_fit_begins_anew(parts, tmp_path, saving_always):
    straight = start(parts, SETTINGS)
    with pytest.raises(KeyboardInterrupt):
        start(parts, SETTINGS, tmp_path, stop_after=4)
    data = bytearray((tmp_path / FILE).read_bytes())
    data[-5] ^= 1  # in the values of a tensor
    (tmp_path / FILE).write_bytes(data)
    train, dev, _ = parts()
    said = []
    again = fit(build_for("ub-bilstm", train, **SMALL), train, dev, SETTINGS, folder=tmp_path, on_note=said.append)
    assert same(again, straight)
    assert any("begins anew" in note and "damaged" in note for note in said)


def test_a_loss_that_is_not_finite_leaves_the_last_good_state(parts, tmp_path, saving_always):
    train, dev, _ = parts(context=1)
    frames = train.packed().frames

    def spoil(row):
        if row["epoch"] == 2:
            frames[train.slots[5, 0]][:] = np.nan

    with pytest.raises(TrainingError, match=rf"in epoch 3 on the batch of .*{train.ids[5]}.* after epoch 2 is kept in "):
        fit(build_for("ub-lstm", train, **SMALL), train, dev, SETTINGS, folder=tmp_path, on_epoch=spoil)
    kept = load_file(tmp_path / FILE)
    assert all(torch.isfinite(value).all() for name, value in kept.items() if name.startswith(("model/", "best/")))


def test_the_next_save_waits_twenty_times_as_long_as_one_took(tmp_path, monkeypatch):
    now = [100.0]
    monkeypatch.setattr(resuming.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(resuming, "replace_file", lambda path, data: now.__setitem__(0, now[0] + 0.5))
    keeper = Keeper(tmp_path, "x")
    assert keeper.due
    keeper.save(Standing())
    now[0] += 9.4
    assert not keeper.due
    now[0] += 0.2
    assert keeper.due
    assert not Keeper(None, "x").due


def test_a_full_disk_is_told_and_ends_no_fit(tmp_path):
    def refuse(path, data):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    told = []
    keeper = Keeper(tmp_path, "x", told.append)
    keeper.save(Standing(history=[{"epoch": 1}]))
    kept = (tmp_path / FILE).read_bytes()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(resuming, "replace_file", refuse)
        keeper.save(Standing(history=[{"epoch": 1}, {"epoch": 2}]))
    assert len(told) == 1
    for part in ("No space left on device", str(tmp_path / FILE), "after epoch 1"):
        assert part in told[0]
    assert (tmp_path / FILE).read_bytes() == kept


KILLED = """
import sys, time
from featurekit.experiments import Run, RunProgress, RunSettings

class Slow(RunProgress):
    def epoch(self, fold, row, epochs):
        time.sleep(0.2)

settings, runs = eval(sys.argv[1]), sys.argv[2]
Run(RunSettings(**settings), runs=runs).execute(Slow())
"""


def test_a_run_killed_in_the_middle_of_a_fold_ends_in_the_same_weights_and_predictions(tiny_store, tmp_path):
    training = {"epochs": 25, "device": "cpu", "n_frames": 30, "threads": 1}
    settings = {"store": str(tiny_store), "model": "ub-bilstm", "features": "rms,spectral_centroid", "training": training}
    settings["hyper"] = {"units1": 8, "units2": 4}
    run = Run(RunSettings(**settings), runs=tmp_path / "killed")
    kept = run.folder / "folds" / "0" / FILE
    child = subprocess.Popen([sys.executable, "-c", KILLED, repr(settings), str(tmp_path / "killed")])
    try:
        give_up = time.monotonic() + 60
        while not kept.exists() and child.poll() is None and time.monotonic() < give_up:
            time.sleep(0.01)
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait()
    assert kept.exists()
    assert not (kept.parent / "predictions.jsonl").exists()
    notes = []
    heard = RunProgress()
    heard.note = notes.append
    resumed = run.execute(heard)
    straight = Run(RunSettings(**settings), runs=tmp_path / "straight").execute()
    assert any("goes on after epoch" in note for note in notes)
    for name in ("model.safetensors", "predictions.jsonl"):
        one, two = (result.folder / "folds" / "0" / name for result in (resumed, straight))
        assert one.read_bytes() == two.read_bytes()
    assert resumed.metrics == straight.metrics
    assert not kept.exists()
