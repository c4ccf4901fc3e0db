from __future__ import annotations

import dataclasses

import pytest
import torch
from torch import nn

from featurekit.errors import ParameterError, UnknownNameError
from featurekit.models import MODELS, Model, build, model, rebuild
from featurekit.training import TrainSettings


def test_every_model_is_found_by_its_file():
    assert {"ub-lstm", "ub-bilstm", "resnet18", "resnet34", "resnet50"} <= set(MODELS.names())


def test_unknown_models_and_hyper_parameters_suggest_the_closest():
    with pytest.raises(UnknownNameError, match="did you mean ub-bilstm"):
        build("ub-bilst", dims=3, n_classes=2)
    with pytest.raises(UnknownNameError, match="hyper-parameter of ub-lstm: 'dropuot'; did you mean dropout"):
        build("ub-lstm", dims=3, n_classes=2, dropuot=0.1)
    with pytest.raises(UnknownNameError, match="bidirectional"):
        build("ub-lstm", dims=3, n_classes=2, bidirectional=True)


@pytest.mark.parametrize(
    ("name", "hyper", "said"),
    [
        ("ub-lstm", {"dropout": "half"}, "hyper-parameter of ub-lstm: dropout is 'half'; expected float"),
        ("ub-lstm", {"dropout": 2}, "ub-lstm cannot be built with dropout=2.0: dropout probability has to be between 0 and 1"),
        ("ub-lstm", {"dropout": float("nan")}, "expected a finite number, at least 0"),
        ("ub-lstm", {"units1": 12.5}, "expected int"),
        ("ub-lstm", {"units1": True}, "expected int"),
        ("ub-lstm", {"dense": 0}, "hyper-parameter of ub-lstm: dense is 0; expected 1 or more"),
        ("vit", {"side": 33}, "vit cannot be built with side=33: "),
        ("dtw", {"templates": 1.5}, "expected int"),
        ("naive-bayes", {"smoothing": -1.0}, "expected a finite number, at least 0"),
        ("gradient-boosting", {"learning_rate": 0.0}, "learning_rate is 0.0; expected a value above 0"),
        ("svm", {"grid": [1.0, "c"]}, "expected float"),
        ("svm", {"grid": 1.0}, "expected a list of float"),
        ("sae-cnn-blstm", {"widths": [3, -1]}, "expected 1 or more"),
        ("sae-cnn-blstm", {"widths": []}, "sae-cnn-blstm cannot be built with widths="),
        ("sae-cnn-blstm", {"rho": 1}, "rho is 1.0; expected a value between 0 and 1"),
        ("resnet18", {"weights": 3}, "expected str"),
    ],
)
def test_hyper_parameters_that_make_no_network_are_one_sentence(name, hyper, said):
    with torch.device("meta"), pytest.raises(ParameterError, match=said):
        build(name, dims=33, image_shape=(64, 64), n_classes=2, columns={"a": slice(0, 33)}, **hyper)


def test_a_mistake_inside_a_network_is_no_matter_of_hyper_parameters(monkeypatch):
    def broken(*, n_classes):
        raise TypeError("a slip")

    monkeypatch.setitem(MODELS._members, "broken", Model("broken", broken, ("frames",)))
    with pytest.raises(TypeError, match="a slip"):
        build("broken", dims=3, n_classes=2)


def test_data_that_lack_what_a_model_reads_are_refused():
    with pytest.raises(ParameterError, match="ub-lstm reads frames; got neither"):
        build("ub-lstm", n_classes=2)
    with pytest.raises(ParameterError, match="resnet18 reads images or frames"):
        build("resnet18", n_classes=2)
    with pytest.raises(ParameterError, match="n_classes=0"):
        build("ub-lstm", dims=3, n_classes=0)


def test_hyper_parameters_do_not_list_what_the_data_or_the_name_decide():
    assert "bidirectional" not in MODELS.get("ub-lstm").hyper
    assert "dims" not in MODELS.get("ub-lstm").hyper
    assert MODELS.get("ub-lstm").hyper["dropout"] == 0.5
    assert "n_frames" not in MODELS.get("resnet18").hyper


@pytest.mark.parametrize("name", MODELS.names())
def test_no_hyper_parameter_is_called_as_a_setting_of_the_training(name):
    assert set(MODELS.get(name).hyper) & {field.name for field in dataclasses.fields(TrainSettings)} == set()


@pytest.mark.parametrize(
    ("name", "key", "said"),
    [
        ("resnet50", "n_frames", "hyper-parameter of resnet50: 'n_frames'; did you mean training.n_frames"),
        ("ub-lstm", "n_frames", "did you mean training.n_frames"),
        ("gradient-boosting", "rate", "hyper-parameter of gradient-boosting: 'rate'; did you mean learning_rate?"),
    ],
)
def test_what_had_another_name_or_place_is_refused_with_the_present_one(name, key, said):
    with pytest.raises(ParameterError, match=said):
        MODELS.get(name).check_hyper({key: 1})


def test_a_model_whose_state_will_be_loaded_takes_former_names():
    assert rebuild("gradient-boosting", dims=3, n_classes=2, rate=0.2).learning_rate == 0.2


@pytest.mark.parametrize(("name", "width"), [("resnet50", 250), ("resnet18", 256), ("densenet121", 250), ("cnn2d", 128)])
def test_a_picture_is_as_wide_as_the_recipe_says_unless_another_width_is_given(name, width):
    with torch.device("meta"):
        assert build(name, dims=301, n_classes=2).n_frames == MODELS.get(name).recipe["n_frames"] == width
        assert build(name, dims=301, n_classes=2, n_frames=30).n_frames == 30


def test_a_finished_run_of_resnet50_that_names_no_width_had_256_columns():
    with torch.device("meta"):
        assert rebuild("resnet50", dims=301, n_classes=2).n_frames == 256
        assert rebuild("resnet50", dims=301, n_classes=2, n_frames=40).n_frames == 40


def test_two_networks_of_one_name_are_an_error_that_names_both():
    with pytest.raises(ParameterError, match="two members"):

        @model("ub-lstm")
        class Impostor(nn.Module):
            pass

    with pytest.raises(ParameterError, match="reads"):
        model("x", reads=("audio",))


def test_a_network_that_needs_two_inputs_is_refused_one(monkeypatch):
    class Both(nn.Module):
        def __init__(self, *, dims, image_shape, n_classes):
            super().__init__()
            self.shape = (dims, image_shape, n_classes)

    monkeypatch.setitem(MODELS._members, "both", Model("both", Both, ("frames", "images")))
    assert build("both", dims=3, image_shape=(4, 5), n_classes=2).shape == (3, (4, 5), 2)
    with pytest.raises(ParameterError, match="both reads frames and images; got frames"):
        build("both", dims=3, n_classes=2)


def test_building_uses_the_callers_seed():
    states = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        states.append(build("ub-lstm", dims=3, n_classes=2).classes.weight)
    assert torch.equal(states[0], states[1])
    assert not torch.equal(states[0], states[2])
