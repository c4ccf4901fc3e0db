"""The three networks of CS 582: Keras's number of parameters, layer by layer, and Keras's order of operations."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from featurekit.data.collate import Batch
from featurekit.errors import ParameterError
from featurekit.models import build, keras_count
from featurekit.models.explanation import explain


def make_batch(frames):
    lengths = torch.full(frames.shape[:2], frames.shape[2])
    return Batch(frames, lengths, None, lengths > 0, torch.zeros(len(frames)).long(), ["x"] * len(frames))


def lstm(dims, units):
    """Keras: four gates, each with an input matrix, a recurrent one and one bias."""
    return 4 * (dims * units + units * units + units)


def dense(dims, units):
    return dims * units + units


def norm(channels):
    """Keras: scale, shift, and the moving mean and variance."""
    return 4 * channels


# The lines of the report's summaries, computed from the layers' definitions.
LAYERS = {
    "cnn2d": {
        "conv1": 5 * 5 * 256 + 256 + norm(256),
        "conv2": 3 * 3 * 256 * 128 + 128 + norm(128),
        "conv3": 3 * 3 * 128 * 64 + 64 + norm(64),
        "dense": dense(28 * 28 * 64, 64),
        "classes": dense(64, 3),
    },
    "lstm-stack": {
        "lstm1": lstm(128, 256),
        "lstm2": lstm(256, 128),
        "lstm3": lstm(128, 64),
        "dense": dense(64, 64),
        "classes": dense(64, 3),
    },
    "bilstm-stack": {
        "lstm1": 2 * lstm(128, 256),
        "lstm2": 2 * lstm(512, 128),
        "dense1": dense(256, 64),
        "dense2": dense(64, 64),
        "dense3": dense(64, 32),
        "classes": dense(32, 3),
    },
}
PRINTED = {"cnn2d": 3_588_803, "lstm-stack": 645_123, "bilstm-stack": 1_467_651}


@pytest.mark.parametrize("name", PRINTED)
def test_the_parameters_are_the_printed_ones_layer_by_layer_and_explain_says_so(name):
    model = build(name, dims=128, n_classes=3)
    assert {key: keras_count(getattr(model, key)) for key in LAYERS[name]} == LAYERS[name]
    assert sum(LAYERS[name].values()) == keras_count(model) == PRINTED[name]
    assert f"{PRINTED[name]:,} as Keras counts them" in explain(name)


def test_as_in_keras_896_numbers_of_cnn2d_are_statistics():
    model = build("cnn2d", dims=128, n_classes=3)
    assert sum(value.numel() for value in model.parameters() if value.requires_grad) == 3_587_907
    assert 3_588_803 - 3_587_907 == 896


def glorot_limit(weight):
    """Of Keras's Glorot-uniform: the root of 6 / (fan in + fan out)."""
    outputs, inputs, *kernel = weight.shape
    return math.sqrt(6 / ((outputs + inputs) * math.prod(kernel)))


@pytest.mark.parametrize(("name", "layers"), [("cnn2d", 5), ("lstm-stack", 2), ("bilstm-stack", 4)])
def test_dense_layers_and_convolutions_start_glorot_uniform_with_biases_of_zero(name, layers):
    torch.manual_seed(0)
    found = [item for item in build(name, dims=128, n_classes=3).modules() if isinstance(item, nn.Conv2d | nn.Linear)]
    assert len(found) == layers
    for layer in found:
        weight, limit = layer.weight.detach(), glorot_limit(layer.weight)
        assert weight.abs().max() <= limit
        assert weight.abs().max() > 0.95 * limit  # 96 draws at least
        assert weight.std() == pytest.approx(limit / math.sqrt(3), rel=0.15)  # of a uniform distribution
        assert not layer.bias.any()


@pytest.mark.parametrize("name", ["lstm-stack", "bilstm-stack"])
def test_lstm_layers_start_glorot_uniform_and_orthogonal_and_forget_nothing(name):
    torch.manual_seed(0)
    found = [item for item in build(name, dims=128, n_classes=3).modules() if isinstance(item, nn.LSTM)]
    assert len(found) in (3, 4)
    for layer in found:
        units = layer.hidden_size
        assert glorot_limit(layer.weight_ih_l0) >= layer.weight_ih_l0.abs().max() > 0.99 * glorot_limit(layer.weight_ih_l0)
        torch.testing.assert_close(layer.weight_hh_l0.T @ layer.weight_hh_l0, torch.eye(units), atol=1e-5, rtol=0)
        assert layer.bias_ih_l0[units : 2 * units].eq(1).all()  # input, forget, cell, output
        assert layer.bias_ih_l0.sum() == units


def test_batch_normalisation_of_cnn2d_keeps_99_parts_of_100_as_keras_does():
    norms = [item for item in build("cnn2d", dims=24, n_classes=3, n_frames=24).modules() if isinstance(item, nn.BatchNorm2d)]
    assert [norm.eps for norm in norms] == [1e-3] * 3
    norm = norms[-1].train()
    norm(torch.randn(2, 64, 3, 3) + 10.0)
    assert norm.running_mean.mean() == pytest.approx(0.1, abs=0.02)


@pytest.mark.parametrize("name", ["lstm-stack", "bilstm-stack"])
def test_the_second_bias_of_torch_is_zero_and_stays_so(name):
    model = build(name, dims=5, n_classes=3).train()
    optimizer = torch.optim.RMSprop([value for value in model.parameters() if value.requires_grad], lr=0.1)
    model(make_batch(torch.randn(4, 1, 1, 5))).logits.square().sum().backward()
    optimizer.step()
    second = [value for key, value in model.named_parameters() if "bias_hh" in key]
    assert len(second) in (3, 4)
    assert not any(value.any() for value in second)


def test_the_lstm_of_one_vector_is_its_gates_written_out():
    model = build("lstm-stack", dims=5, n_classes=3).eval()
    x = torch.randn(1, 5)
    expected = x
    for layer in (model.lstm1, model.lstm2, model.lstm3):
        weights = layer.forwards
        i, _, g, o = (expected @ weights.weight_ih_l0.T + weights.bias_ih_l0).chunk(4, dim=1)
        expected = o.sigmoid() * torch.tanh(i.sigmoid() * g.tanh())
    expected = model.classes(model.dense(expected).relu())
    torch.testing.assert_close(model(make_batch(x[:, None, None])).logits, expected)


def test_the_picture_of_cnn2d_is_cut_or_padded_to_its_frames():
    model = build("cnn2d", dims=20, n_classes=3, n_frames=24).eval()
    frames = torch.randn(1, 1, 30, 20)
    torch.testing.assert_close(model(make_batch(frames)).logits, model(make_batch(frames[:, :, :24])).logits)
    assert not torch.equal(model(make_batch(frames)).logits, model(make_batch(frames[:, :, :23])).logits)


def test_a_picture_too_small_for_three_convolutions_is_refused():
    with pytest.raises(ParameterError, match="at least 20 x 20; got 13 dims x 128 frames"):
        build("cnn2d", dims=13, n_classes=3)
