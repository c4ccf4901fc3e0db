from __future__ import annotations

import pytest
import torch
from torch import nn

from featurekit.errors import ParameterError, UnknownNameError
from featurekit.models import MODELS, Model, build, model


def test_every_model_is_found_by_its_file():
    assert {"ub-lstm", "ub-bilstm", "resnet18", "resnet34", "resnet50"} <= set(MODELS.names())


def test_unknown_models_and_hyper_parameters_suggest_the_closest():
    with pytest.raises(UnknownNameError, match="did you mean ub-bilstm"):
        build("ub-bilst", dims=3, n_classes=2)
    with pytest.raises(UnknownNameError, match="hyper-parameter of ub-lstm: 'dropuot'; did you mean dropout"):
        build("ub-lstm", dims=3, n_classes=2, dropuot=0.1)
    with pytest.raises(UnknownNameError, match="bidirectional"):
        build("ub-lstm", dims=3, n_classes=2, bidirectional=True)


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
    assert MODELS.get("resnet18").hyper["n_frames"] == 256


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
