from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn

from featurekit.data.collate import Batch
from featurekit.data.words import word_numbers
from featurekit.errors import ParameterError
from featurekit.models import build
from featurekit.models.acoustic_baselines import WORDS, table_places
from featurekit.models.layers import MaskedConv1d


def make_batch(texts, dims=6):
    frames = torch.randn(len(texts), 1, 9, dims, generator=torch.Generator().manual_seed(0))
    numbers = [torch.from_numpy(word_numbers(text)) for text in texts]
    lengths = torch.tensor([[len(words)] for words in numbers])
    padded = nn.utils.rnn.pad_sequence(numbers, batch_first=True)[:, None]
    nine = torch.full((len(texts), 1), 9)
    return Batch(frames, nine, None, nine > 0, torch.zeros(len(texts)).long(), ["x"] * len(texts), {}, padded, lengths)


def test_the_table_of_words_has_a_place_for_every_number():
    assert build("acoustic-text", dims=3, n_classes=2).words.num_embeddings == WORDS
    numbers = [word_numbers(f"{a}{b}{c}")[0] for a in "abcdefg" for b in "aeiou" for c in "klmnp"]
    places = table_places(torch.tensor([0, 1, 2**32, *numbers])).tolist()
    assert places[0] == 0
    assert min(places[1:]) >= 1
    assert max(places) < WORDS
    assert len(set(places[3:])) > 0.98 * len(numbers)
    assert table_places(torch.from_numpy(word_numbers("happy"))).tolist() == [424]  # where it was before, for runs of then


@pytest.mark.parametrize("stride", [1, 2, 3])
def test_a_masked_convolution_is_torchs_on_the_sequence_alone(stride):
    layer = MaskedConv1d(3, 4, width=5, stride=stride)
    x, lengths = torch.randn(3, 8, 3), torch.tensor([8, 5, 1])
    y, short = layer(x, lengths)
    for i, n in enumerate(lengths.tolist()):
        alone = layer.conv(x[i : i + 1, :n].transpose(1, 2)).transpose(1, 2)[0]
        assert short[i] == len(alone)
        torch.testing.assert_close(y[i, : len(alone)], alone)
        assert not y[i, len(alone) :].any()


def test_layers_are_a_hyper_parameter():
    for name in ("cnn-acoustic", "lstm-acoustic"):
        two, five = (sum(v.numel() for v in build(name, dims=6, n_classes=2, layers=n).parameters()) for n in (2, 5))
        one = 5 * 128 * 128 + 128 if name == "cnn-acoustic" else 4 * 128 * (128 + 128 + 2)
        assert five - two == 3 * one


def parameters(name, **hyper):
    return sum(v.numel() for v in build(name, dims=6, n_classes=2, **hyper).parameters())


def test_width_stride_units_and_an_mlp_behind_are_hyper_parameters():
    assert parameters("cnn-acoustic", width=9) == 9 * 128 * (6 + 128 + 128) + 3 * 128 + 2 * 129
    assert parameters("cnn-acoustic", dense=(64, 32)) - parameters("cnn-acoustic") == 64 * 129 + 32 * 65 + 2 * (32 - 128)
    assert parameters("lstm-acoustic", dense=(64,)) - parameters("lstm-acoustic") == 64 * 129 + 2 * (64 - 128)
    assert parameters("mlp-acoustic", layers=3, units=10) == 10 * 7 + 2 * 10 * 11 + 2 * 11
    assert parameters("acoustic-text", width=7) - parameters("acoustic-text") == 2 * 128 * (6 + 128 + 128)
    x, lengths = torch.randn(1, 27, 6), torch.tensor([27])
    stack = build("cnn-acoustic", dims=6, n_classes=2, stride=3).cnn
    for layer in stack.layers:
        x, lengths = layer(x, lengths)
    assert lengths.tolist() == [1]
    output = build("cnn-acoustic", dims=6, n_classes=2, dense=(16,)).eval()(make_batch(["a", "b"]))
    assert output.embedding.shape == (2, 16)


@pytest.mark.parametrize("name", ["cnn-acoustic", "acoustic-text"])
def test_a_filter_without_a_middle_is_refused(name):
    with pytest.raises(ParameterError, match="width is 4; a filter has a middle frame: take an odd number, 3 or 5"):
        build(name, dims=6, n_classes=2, width=4)


def test_words_and_sound_both_count_and_silence_on_either_side_is_allowed():
    torch.manual_seed(0)
    model = build("acoustic-text", dims=6, n_classes=2).eval()
    batch = make_batch(["good morning", "bad morning", ""])
    same_sound = replace(batch, frames=batch.frames[:1].expand(3, -1, -1, -1))
    logits = model(same_sound).logits
    assert not torch.allclose(logits[0], logits[1])
    assert torch.isfinite(logits).all()
    same_words = replace(batch, text=batch.text[:1].expand(3, -1, -1), text_lengths=batch.text_lengths[:1].expand(3, -1))
    logits = model(same_words).logits
    assert not torch.allclose(logits[0], logits[1])


def test_a_batch_without_transcripts_is_refused():
    model = build("acoustic-text", dims=6, n_classes=2)
    with pytest.raises(ParameterError, match="reads transcripts"):
        model(replace(make_batch(["a"]), text=None))
