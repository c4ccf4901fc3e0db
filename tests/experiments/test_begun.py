from __future__ import annotations

import sys

import pytest

from featurekit.errors import ParameterError
from featurekit.experiments import Run, RunSettings, begun
from featurekit.runs import StoredRun

QUICK = {"epochs": 1, "device": "cpu"}


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        (["/usr/bin/featurekit", "train", "my store", "--model", "svm"], "featurekit train 'my store' --model svm"),
        (["/site-packages/featurekit/__main__.py", "train", "/home/ann/s"], "python -m featurekit train /home/ann/s"),
        (["sweep.py", "3"], "sweep.py 3"),
        (
            ["featurekit", "train", "b\udcffd", "a\nb", "it's \x1b", "é 'x'"],
            r"""featurekit train $'b\xffd' $'a\x0ab' $'it\x27s \x1b' 'é '"'"'x'"'"''""",
        ),
    ],
)
def test_the_command_is_recorded_as_it_was_typed(monkeypatch, argv, expected):
    monkeypatch.setattr(sys, "argv", argv)
    assert begun.command_line() == expected


def test_a_person_who_types_into_python_gave_no_command(monkeypatch):
    monkeypatch.setattr(sys, "ps1", ">>> ", raising=False)
    assert begun.command_line() == ""


def test_a_run_keeps_when_and_how_it_was_begun_and_is_the_same_run_whoever_begins_it(tiny_store, tmp_path, monkeypatch):
    settings = RunSettings(str(tiny_store), "logistic", "rms", training=QUICK)
    monkeypatch.setattr(sys, "argv", ["featurekit", "train", "one"])
    first = Run(settings, runs=tmp_path)
    first.execute()
    then = StoredRun(first.folder).record.begun
    assert then["command"] == "featurekit train one"
    monkeypatch.setattr(sys, "argv", ["featurekit", "train", "two"])
    again = Run(settings, runs=tmp_path)
    assert again.digest == first.digest
    again.execute()
    assert StoredRun(first.folder).record.begun == then


def test_another_class_of_interest_is_the_same_run(tiny_store, tmp_path):
    plain, named = (RunSettings(str(tiny_store), "logistic", "rms", training=QUICK, positive=name) for name in ("", "negative"))
    assert Run(plain, runs=tmp_path).digest == Run(named, runs=tmp_path).digest
    assert "binary_f1" in Run(named, runs=tmp_path).execute().metrics["pooled"]


def test_a_name_that_is_no_text_leaves_a_run_that_can_be_read(tiny_store, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["featurekit", "train", "b\udcffd"])
    run = Run(RunSettings(str(tiny_store), "logistic", "rms", training=QUICK), runs=tmp_path)
    run.execute()
    assert StoredRun(run.folder).record.begun["command"] == r"featurekit train $'b\xffd'"
    (run.folder / "run.json").read_text("utf-8")  # any program can read it


def test_a_device_that_is_not_there_is_refused_before_anything_is_written(tiny_store, tmp_path, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    run = Run(RunSettings(str(tiny_store), "logistic", "rms", training={**QUICK, "device": "cuda:1"}), runs=tmp_path)
    with pytest.raises(ParameterError, match="device is cuda:1, but torch sees no GPU"):
        run.execute()
    assert not run.folder.exists()
    here = Run(RunSettings(str(tiny_store), "logistic", "rms", training=QUICK), runs=tmp_path)
    here.execute()
    assert run.folder == here.folder
    assert run.execute().metrics["n"]  # nothing is left to train, and so no device is asked for
