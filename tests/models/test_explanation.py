from __future__ import annotations

import re
import tomllib

import pytest
import torch

from featurekit.errors import UnknownNameError
from featurekit.models import MODELS, build
from featurekit.models.explanation import explain, fragment, layers, made_batch


def test_a_page_shows_every_layer_with_its_shape_and_they_add_up():
    page = explain("ub-bilstm", n_classes=3)
    rows = re.findall(r"^  (\S+) +(\S+) +(1 x [\dx ]+?) +([\d,]+)$", page, flags=re.M)
    assert [row[0] for row in rows] == ["lstm1", "lstm2", "lstm3", "attention", "dropout", "dense", "classes"]
    assert ("lstm1", "MaskedLSTM", "1 x 256 x 256", "166,912") in rows
    total = int(re.search(r"^parameters: ([\d,]+)", page, flags=re.M)[1].replace(",", ""))
    assert sum(int(row[3].replace(",", "")) for row in rows) == total == 292_195


def test_a_page_says_what_the_model_reads_and_the_papers_recipe():
    page = explain("rnn-attention")
    assert "reads: frames; context: 1; features: asr_encoder" in page
    assert "gradient_clip = 4.0" in page
    assert 'augment = ["specaugment(subsampling=2)"]' in page
    assert "Adam, lr 1e-4" in page


def test_the_stages_of_a_backbone_and_the_layers_of_parts_are_shown():
    page = explain("resnet18")
    assert re.search(r"backbone.layer4 +Sequential +1 x 512 x 2 x 8 ", page)
    network = build("aff-acrnn-ub-res18", dims=4, image_shape=(32, 32), n_classes=2)
    shapes = {row[0]: row[2] for row in layers(network, made_batch(MODELS.get("aff-acrnn"), dims=4, steps=7, side=32))}
    assert shapes["lasv.lstm1"] == "1 x 7 x 128"
    assert shapes["casv.cnn.layer4"] == "1 x 512 x 1 x 1"
    network = build("multinet", dims=4, columns={"mel": slice(4)}, densenet_columns=["mel"], n_frames=32, n_classes=2)
    shapes = {row[0]: row[2] for row in layers(network, made_batch(MODELS.get("multinet"), dims=4, steps=7))}
    assert shapes["model_b.backbone.layer4"] == "1 x 512 x 1 x 1"


def test_explaining_draws_no_random_number_and_leaves_the_mode():
    network = build("ub-lstm", dims=3, n_classes=2).train()
    layers(network, made_batch(MODELS.get("ub-lstm"), dims=3, steps=4))
    assert network.training
    assert not any(module._forward_hooks for module in network.modules())
    before = torch.get_rng_state()
    explain("ub-lstm")
    assert torch.equal(torch.get_rng_state(), before)


def test_a_fragment_is_toml_with_the_recipe_the_features_and_every_hyper_parameter():
    run = tomllib.loads(fragment("sbcnn-resnet18"))
    assert run["model"] == "sbcnn-resnet18"
    assert run["features"] == "luo2019-image"
    assert run["context"] == 3
    assert run["training"] == {"lr": 1e-3, "epochs": 200, "batch_size": 20, "optimizer": "adam"}
    assert run["hyper"] == {"units": 100, "dropout": 0.5, "weights": "", "train": "all"}
    assert "imagenet" in fragment("sbcnn-resnet18")


def test_an_unknown_model_suggests_the_closest():
    for function in (explain, fragment):
        with pytest.raises(UnknownNameError, match="did you mean"):
            function("ub-bilst")
