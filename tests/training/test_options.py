from __future__ import annotations

import pytest

from featurekit.errors import ParameterError, UnknownNameError
from featurekit.training import TrainSettings, settings_for
from featurekit.training.options import identity


def test_the_recipe_overrides_defaults_and_explicit_values_the_recipe():
    assert TrainSettings().epochs == 100
    plain = settings_for("ub-bilstm")
    assert (plain.lr, plain.epochs, plain.batch_size, plain.n_frames, plain.optimizer) == (1e-4, 200, 30, 256, "adam")
    mine = settings_for("ub-bilstm", {"epochs": 3, "lr": 1})
    assert (mine.epochs, mine.lr, mine.batch_size) == (3, 1.0, 30)


@pytest.mark.parametrize(
    "wrong",
    [
        {"lr": 0.0},
        {"lr": float("inf")},
        {"weight_decay": float("nan")},
        {"epochs": 0},
        {"optimizer": "lion"},
        {"reduction": "max"},
        {"schedule": "step"},
        {"precision": "fp16"},
        {"device": "tpu"},
        {"patience": 0},
        {"weight_decay": -1.0},
        {"label_smoothing": 1.0},
        {"threads": 0},
        {"epochs": "many"},
        {"monitor": "f1"},
    ],
)
def test_values_out_of_range_are_refused_by_name(wrong):
    with pytest.raises(ParameterError, match=next(iter(wrong))):
        settings_for("ub-lstm", wrong)


def test_unknown_settings_suggest_the_closest():
    with pytest.raises(UnknownNameError, match="did you mean"):
        settings_for("ub-lstm", {"epoch": 3})


def test_a_setting_that_runs_of_before_did_not_have_names_only_runs_that_use_it():
    assert not {"reduction", "trim_db"} & identity(TrainSettings()).keys()
    assert identity(TrainSettings(reduction="sum", trim_db=40.0)).items() >= {"reduction": "sum", "trim_db": 40.0}.items()


def test_a_monitor_that_is_none_is_refused_with_those_that_are():
    with pytest.raises(ParameterError, match=r"monitor is 'test_loss'; expected auto, ua, wa, loss, ccc, mae"):
        TrainSettings(monitor="test_loss")


def test_a_fit_whose_epoch_is_chosen_as_ever_keeps_its_identity():
    """Runs of before there was a monitor keep their names; those that choose otherwise have others."""
    as_ever = identity(TrainSettings())
    assert "monitor" not in as_ever
    assert identity(TrainSettings(monitor="ua")) == identity(TrainSettings(monitor="ccc")) == as_ever
    assert [identity(TrainSettings(monitor=name))["monitor"] for name in ("wa", "loss", "mae")] == ["wa", "loss", "mae"]


def test_a_recipes_monitor_is_of_classes():
    assert settings_for("logistic").monitor == "wa"
    assert settings_for("logistic", kind="values").monitor == "auto"
    assert settings_for("logistic", {"monitor": "mae"}, kind="values").monitor == "mae"
