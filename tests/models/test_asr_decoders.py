from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from featurekit.data.collate import Batch
from featurekit.errors import ParameterError
from featurekit.models import build
from featurekit.models.layers import MultiHeadAttention


def make_batch(lengths, dims=6, seed=0):
    lengths = torch.tensor(lengths)[:, None]
    frames = torch.randn(len(lengths), 1, int(lengths.max()), dims, generator=torch.Generator().manual_seed(seed))
    return Batch(frames, lengths, None, lengths > 0, torch.zeros(len(lengths)).long(), ["x"] * len(lengths))


def count(module):
    return sum(value.numel() for value in module.parameters())


def test_the_parameters_of_the_papers_sizes_add_up():
    D, K = 1536, 4
    lstm = 2 * 4 * 64 * (D + 64 + 2)
    attention = 8 * (32 + 2 * 32 * 128)  # a query of 32, a key and a value matrix of 32 x 128 each head
    assert count(build("rnn-attention", dims=D, n_classes=K)) == lstm + attention + 256 * K + K
    assert count(build("rnn-pool", dims=D, n_classes=K)) == lstm + 128 * K + K
    assert count(build("mlp-pool", dims=D, n_classes=K)) == D * 128 + 128 + 128 * 256 + 256 + 256 * K + K


def test_attention_follows_the_printed_equations():
    torch.manual_seed(0)
    layer = MultiHeadAttention(5, heads=3, units=4)
    h = torch.randn(1, 7, 5)
    v, a = layer(h, torch.tensor([7]))
    for i in range(3):
        rows = slice(4 * i, 4 * i + 4)
        w_K, w_V, w_Q = layer.w_K.weight[rows], layer.w_V.weight[rows], layer.w_Q[i : i + 1]
        weights = torch.softmax(w_Q @ (w_K @ h[0].T) / math.sqrt(4), dim=-1)
        torch.testing.assert_close(a[0, i], weights[0])
        torch.testing.assert_close(v[0, rows], (w_V @ h[0].T @ weights[0]))


def test_attention_equals_torchs_with_one_query_a_head():
    torch.manual_seed(0)
    layer = MultiHeadAttention(5, heads=2, units=4)
    h, lengths = torch.randn(3, 6, 5), torch.tensor([6, 2, 4])
    shape = (3, 6, 2, 4)
    keys, values = layer.w_K(h).view(shape).transpose(1, 2), layer.w_V(h).view(shape).transpose(1, 2)
    mask = (torch.arange(6) < lengths[:, None])[:, None, None]
    expected = nn.functional.scaled_dot_product_attention(layer.w_Q[None, :, None].expand(3, -1, -1, -1), keys, values, mask)
    torch.testing.assert_close(layer(h, lengths)[0], expected.flatten(1))


def test_every_head_weighs_every_frame_and_nothing_beyond_the_end():
    model = build("rnn-attention", dims=6, n_classes=2).eval()
    weights = model(make_batch([9, 4, 1])).attention["frames"]
    assert weights.shape == (3, 8, 9)
    assert (weights[0] > 0).all()
    assert not weights[1, :, 4:].any()
    torch.testing.assert_close(weights[2, :, 0], torch.ones(8))


@pytest.mark.parametrize("name", ["mlp-pool", "rnn-pool"])
def test_mean_and_maximum_are_those_of_the_frames_inside(name):
    batch = make_batch([5, 3])
    for pooling in ("mean", "max"):
        torch.manual_seed(0)
        model = build(name, dims=6, n_classes=2, pooling=pooling).eval()
        frames = batch.frames[1:, 0, :3]
        states = model.dense(frames) if name == "mlp-pool" else model.lstm(frames, torch.tensor([3]))[0]
        expected = states[0].mean(dim=0) if pooling == "mean" else states[0].max(dim=0).values
        torch.testing.assert_close(model(batch).embedding[1], expected)


def test_the_last_state_is_torchs():
    model = build("rnn-pool", dims=6, n_classes=2, pooling="last").eval()
    reference = nn.LSTM(6, 64, batch_first=True, bidirectional=True)
    state = dict(model.lstm.forwards.state_dict())
    reference.load_state_dict(state | {f"{key}_reverse": value for key, value in model.lstm.backwards.state_dict().items()})
    batch = make_batch([5])
    _, (last, _) = reference(batch.frames[:, 0])
    torch.testing.assert_close(model(batch).embedding, last.transpose(0, 1).flatten(1))


def test_another_pooling_is_refused():
    with pytest.raises(ParameterError, match="pooling is 'last'; expected mean, max"):
        build("mlp-pool", dims=6, n_classes=2, pooling="last")
    with pytest.raises(ParameterError, match="expected mean, max, last"):
        build("rnn-pool", dims=6, n_classes=2, pooling="sum")
