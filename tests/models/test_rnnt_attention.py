"""Lu et al.'s encoder: its size by arithmetic, its clock, and that padding takes no part in a maximum."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional as F

from featurekit.data.collate import Batch
from featurekit.errors import ParameterError
from featurekit.models import build
from featurekit.models.facts import get
from featurekit.models.rnnt_attention import RNNTEncoder

SMALL = {"filters": 6, "units": 4, "projection": 10, "decoder_units": 5, "heads": 2, "head_units": 3}


def convolution(inputs, width=5, filters=512):
    return inputs * width * filters + filters


def blstm(inputs, units=512, projection=1536):
    """Four gates, two directions, torch's two biases; then the projection."""
    return 2 * 4 * units * (inputs + units + 2) + 2 * units * projection + projection


def test_the_encoder_has_the_papers_layers_and_85_million_parameters():
    macro = blstm(512) + 2 * blstm(1536)
    expected = convolution(80) + 2 * convolution(1536) + 3 * macro
    assert expected == 85_228_544
    decoder = 2 * 4 * 64 * (1536 + 64 + 2) + 2 * 128 * 256 + 256 + 257 * 4
    with torch.device("meta"):
        model = build("rnnt-attention", dims=80, n_classes=4)
    assert sum(value.numel() for value in model.encoder.parameters()) == expected
    assert sum(value.numel() for value in model.parameters()) == expected + decoder
    assert [(macro.conv.conv.kernel_size, macro.conv.conv.out_channels) for macro in model.encoder.macros] == [((5,), 512)] * 3
    assert [len(macro.lstms) for macro in model.encoder.macros] == [3, 3, 3]
    three = 2 * 4 * 64 * (1536 + 64 + 2) + 2 * 128 * 256 + 256 + 257 * 3
    assert get("rnnt-attention").parameters == expected + three


@pytest.mark.parametrize("n_frames", [1, 2, 7, 8, 9, 100])
def test_there_is_a_state_every_eight_frames(n_frames):
    encoder = RNNTEncoder(5, macros=3, filters=6, width=5, units=4, projection=10, layers=3)
    states, lengths = encoder(torch.randn(1, n_frames, 5), torch.tensor([n_frames]))
    assert lengths.tolist() == [math.ceil(n_frames / 8)]
    assert states.shape == (1, math.ceil(n_frames / 8), 10)


def test_a_macro_layer_is_convolution_relu_maximum_of_two_blstm_and_projection():
    torch.manual_seed(0)
    macro = RNNTEncoder(5, macros=1, filters=6, width=5, units=4, projection=10, layers=2).macros[0]
    x = torch.randn(1, 7, 5)
    convolved = F.conv1d(x.transpose(1, 2), macro.conv.conv.weight, macro.conv.conv.bias, padding=2).relu()[0].T
    expected = torch.stack([convolved[t : t + 2].amax(0) for t in (0, 2, 4, 6)])[None]
    for lstm, project in zip(macro.lstms, macro.projections, strict=True):
        ahead, back = lstm.forwards(expected)[0], lstm.backwards(expected.flip(1))[0].flip(1)
        expected = project(torch.cat([ahead, back], dim=-1))
    longer = torch.cat([x, 99 * torch.ones(1, 4, 5)], dim=1)  # beyond the length
    states, lengths = macro(longer, torch.tensor([7]))
    assert lengths.tolist() == [4]
    torch.testing.assert_close(states[:, :4], expected)
    assert not states[:, 4:].any()


def test_every_size_is_a_hyper_parameter_and_attention_is_over_the_states():
    model = build("rnnt-attention", dims=5, n_classes=3, macros=2, layers=1, **SMALL).eval()
    lengths = torch.tensor([[17], [8]])
    output = model(Batch(torch.randn(2, 1, 17, 5), lengths, None, lengths > 0, torch.zeros(2).long(), ["a", "b"]))
    assert output.embedding.shape == (2, 6)
    assert output.attention["frames"].shape == (2, 2, 5)
    assert not output.attention["frames"][1, :, 2:].any()
    with pytest.raises(ParameterError, match="width is 4"):
        build("rnnt-attention", dims=5, n_classes=3, width=4)
