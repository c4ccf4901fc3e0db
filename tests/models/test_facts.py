"""facts.json says of every model what the registry says, and is read without torch."""

import json

import pytest
import torch

from featurekit.errors import UnknownNameError
from featurekit.models import MODELS, build, facts
from featurekit.models.explanation import facts_of, table_of

OWN = [member.name for member in MODELS if member.network.__module__.startswith("featurekit.models.")]
COUNTED = ("inputs", "layers", "parameters", "trained", "as_keras", "operations")
DUE = "facts.json is not what the models are: make facts"
# Networks that are built and run in a second of processor time; make ci does it for all.
LIGHT = ["ub-lstm", "resnet18", "multinet", "mlp-pool", "issa", "acoustic-text", "svm", "mobilenet-v2"]


def test_it_has_every_model_of_the_package():
    assert list(facts.written()) == OWN, DUE


@pytest.mark.parametrize("name", OWN)
def test_it_says_what_the_registry_says(name):
    said, true = facts.written()[name].to_record(), table_of(MODELS.get(name)).to_record()
    for key in true:
        if key not in COUNTED:
            assert said[key] == true[key], DUE


@pytest.mark.parametrize("name", OWN)
def test_parameters_are_those_of_the_network(name):
    member, said = MODELS.get(name), facts.written()[name]
    with torch.device("meta"):  # shapes without values
        shape = (512, 512) if "images" in said.inputs else None
        network = build(
            name, n_classes=said.n_classes, dims=member.dims if "frames" in said.inputs else None, image_shape=shape
        )
    assert sum(parameter.numel() for parameter in network.parameters()) == said.parameters, DUE


@pytest.mark.parametrize("name", LIGHT)
def test_layers_and_cost_are_those_of_the_network(name):
    assert facts_of(name).to_record() == facts.written()[name].to_record(), DUE


@pytest.mark.ci
@pytest.mark.parametrize("name", [name for name in OWN if name not in LIGHT])
def test_layers_and_cost_are_those_of_the_other_networks(name):
    assert facts_of(name).to_record() == facts.written()[name].to_record(), DUE


def test_what_was_counted_is_what_a_convolution_and_a_linear_layer_compute():
    linear = facts.get("asr-linear")  # frames 100 x 384 are averaged, then 384 → 3
    assert linear.operations == 2 * 384 * 3
    assert linear.parameters == 384 * 3 + 3


def test_a_model_of_a_stranger_is_known_too(monkeypatch):
    member = MODELS.get("ub-lstm")
    monkeypatch.setattr(facts, "written", dict)
    monkeypatch.setattr(MODELS, "has_strangers", lambda: True)
    assert facts.known()["ub-lstm"] == table_of(member)
    assert facts.get("ub-lstm").parameters == 122_947


def test_a_file_dropped_into_the_package_is_known_too(monkeypatch):
    rest = {name: found for name, found in facts.written().items() if found.module != "ub_lstm"}
    monkeypatch.setattr(facts, "written", lambda: rest)
    assert "ub-bilstm" in facts.known()


def test_an_unknown_model_suggests_the_closest():
    with pytest.raises(UnknownNameError, match="did you mean ub-bilstm"):
        facts.get("ub-bilst")


def test_a_record_goes_through_json():
    found = facts.get("ub-bilstm")
    assert facts.Facts.from_record(json.loads(json.dumps(found.to_record()))) == found


def test_a_page_leaves_the_wrapping_of_paragraphs_to_the_screen_and_keeps_tables():
    page = facts.page(facts.get("multinet"))
    assert "whether it is Model A or Model B: a DenseNet the columns mel, MFCC and tonnetz, a ResNet all. Its pooled" in page
    assert "\nA2        linear (2048, K)\nA3        linear (64, K)\n" in page
    assert facts.paragraphs("Two\nlines.\n\n* a\n* b\n\n::\n\n    x\n    y") == "Two lines.\n\n* a\n* b\n\n::\n\n    x\n    y"
