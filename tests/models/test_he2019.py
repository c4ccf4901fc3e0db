"""The networks of He, Ren, He 2019: what the convolution gives, what prepare learns, and where each experiment differs."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from featurekit.data.collate import Batch
from featurekit.errors import ParameterError
from featurekit.models import build, sae_cnn_blstm
from featurekit.models.sae_cnn_blstm import SparseCNN

SMALL = {"channels": 4, "kernels": 5, "sae_epochs": 2, "patches": 200}


def make_batch(frames, lengths=None):
    lengths = torch.full((len(frames), 1), frames.shape[2]) if lengths is None else torch.tensor(lengths)[:, None]
    return Batch(frames, lengths, None, lengths > 0, torch.zeros(len(frames)).long(), ["x"] * len(frames))


def prepared(model, batch, seed=0):
    model.prepare(lambda: iter([batch]), torch.Generator().manual_seed(seed))
    return model


def test_features_are_the_mean_and_variance_of_the_windows_means():
    torch.manual_seed(0)
    cnn = SparseCNN(3, 3, 2, (1, 4), window=2, n_windows=3)
    frames = torch.randn(1, 12, 3)
    n = 9  # one whole block of 6 frames; then a window of 2 frames, one of 1, one of none
    y, blocks = cnn(frames, torch.tensor([n]))
    x = np.concatenate([cnn.whitening(frames)[0, :n].numpy(), np.zeros((20, 3), np.float32)])
    maps = []
    for width in (1, 4):
        kernel, bias = cnn.get_buffer(f"kernel{width}").numpy(), cnn.get_buffer(f"bias{width}").numpy()
        before = (width - 1) // 2
        padded = np.concatenate([np.zeros((before, 3), np.float32), x])
        z = [[(padded[t : t + width].T * k).sum() + b for k, b in zip(kernel, bias, strict=True)] for t in range(n)]
        maps.append(1 / (1 + np.exp(-np.array(z))))
    maps = np.concatenate(maps, axis=1)  # (9, 4)
    first = np.stack([maps[0:2].mean(0), maps[2:4].mean(0), maps[4:6].mean(0)])
    second = np.stack([maps[6:8].mean(0), maps[8:9].mean(0)])
    expected = [np.concatenate([block.mean(0), block.var(0)]) for block in (first, second)]
    assert blocks.tolist() == [2]
    np.testing.assert_allclose(y[0].numpy(), expected, rtol=1e-4, atol=1e-6)


def test_there_are_180_kernels_of_60_channels_and_two_features_of_each():
    model = build("sae-cnn-blstm", dims=256, n_classes=7)
    shapes = {width: tuple(model.cnn.get_buffer(f"kernel{width}").shape) for width in (3, 6, 10)}
    assert shapes == {3: (60, 60, 3), 6: (60, 60, 6), 10: (60, 60, 10)}
    assert model.cnn.dims_out == 2 * 180
    assert [lstm.dims_out for lstm in model.lstms] == [256]
    attentive = build("sae-cnn-blstm-attention", dims=256, n_classes=7)
    assert [lstm.dims_out for lstm in attentive.lstms] == [60, 60]
    assert all(value.abs().max() <= 0.1 for value in [*attentive.lstms.parameters(), *attentive.theta.parameters()])


def test_kernels_are_learnt_on_a_third_of_the_utterances_without_labels(monkeypatch):
    seen = []
    real = sae_cnn_blstm.learn_kernels
    monkeypatch.setattr(sae_cnn_blstm, "learn_kernels", lambda patches, *a, **k: seen.append(patches) or real(patches, *a, **k))
    batch = make_batch(torch.randn(9, 1, 20, 6))
    prepared(build("sae-cnn-blstm", dims=6, n_classes=3, **SMALL), batch)
    assert [patches.shape for patches in seen] == [(3 * 18, 12), (3 * 15, 24), (3 * 11, 40)]


def test_an_utterance_shorter_than_a_kernel_gives_a_padded_patch():
    model = build("sae-cnn-blstm", dims=6, n_classes=3, **SMALL)
    prepared(model, make_batch(torch.randn(3, 1, 4, 6), [4, 1, 2]))
    assert torch.isfinite(model.cnn.kernel10).all()


def test_preparation_depends_on_the_generator_alone_and_trains_nothing_else():
    batch = make_batch(torch.randn(6, 1, 30, 6))
    states = []
    for seed in (0, 0, 1):
        torch.manual_seed(0)
        model = build("sae-cnn-blstm", dims=6, n_classes=3, **SMALL)
        before = {key: value.clone() for key, value in model.named_parameters()}
        states.append(prepared(model, batch, seed).cnn.kernel6)
        assert all(torch.equal(before[key], value) for key, value in model.named_parameters())
    assert torch.equal(states[0], states[1])
    assert not torch.equal(states[0], states[2])


def test_features_of_the_training_part_are_standardised():
    batch = make_batch(torch.randn(6, 1, 40, 6))
    cnn = prepared(build("sae-cnn-blstm", dims=6, n_classes=3, **SMALL), batch).cnn
    y = cnn(batch.frames[:, 0], batch.lengths[:, 0])[0].flatten(0, 1)
    torch.testing.assert_close(y.mean(0), torch.zeros(30), atol=1e-3, rtol=0)
    torch.testing.assert_close(y.std(0, correction=0), torch.ones(30), atol=1e-2, rtol=0)


def test_what_a_kernel_looks_for_is_whitened_to_the_kernel_itself():
    batch = make_batch(torch.randn(6, 1, 40, 6) @ torch.randn(6, 6))
    cnn = prepared(build("sae-cnn-blstm", dims=6, n_classes=3, **SMALL), batch).cnn
    for width, patterns in cnn.kernels().items():
        assert patterns.shape == (5, width, 6)
        back = patterns @ cnn.whitening.components / cnn.whitening.deviation
        torch.testing.assert_close(back.transpose(1, 2), cnn.get_buffer(f"kernel{width}"), rtol=1e-3, atol=1e-4)


def test_of_several_columns_only_the_spectrum_is_read():
    columns = {"he2019/f0": slice(0, 1), "he2019/fft_spectrum": slice(1, 6), "he2019/zcr": slice(6, 7)}
    model = build("sae-cnn-blstm", dims=7, n_classes=3, columns=columns, **SMALL).eval()
    assert model.cnn.whitening.mean.shape == (5,)
    frames = torch.randn(1, 1, 20, 7)
    changed = frames.clone()
    changed[..., [0, 6]] += 5.0
    assert torch.equal(model(make_batch(frames)).logits, model(make_batch(changed)).logits)
    changed[..., 3] += 5.0
    assert not torch.equal(model(make_batch(frames)).logits, model(make_batch(changed)).logits)


def test_attention_weighs_blocks_by_the_softmax_of_theta():
    torch.manual_seed(0)
    model = build("sae-cnn-blstm-attention", dims=6, n_classes=3, **SMALL).eval()
    batch = make_batch(torch.randn(2, 1, 70, 6), [70, 25])
    output = model(batch)
    assert (output.attention["blocks"] > 0).tolist() == [[True] * 4, [True, True, False, False]]
    x, blocks = model.cnn(batch.frames[:, 0], batch.lengths[:, 0])
    for lstm in model.lstms:
        x = lstm(x, blocks)[0]
    theta = model.theta.weight[0]
    alpha = torch.softmax(x[1, :2] @ theta, dim=0)
    torch.testing.assert_close(output.embedding[1], alpha @ x[1, :2])


@pytest.mark.parametrize("name", ["blstm-lld", "sae-cnn-blstm"])
def test_the_input_is_noisy_in_training_only(name):
    model = build(name, dims=6, n_classes=3, dropout=0.0, **(SMALL if name != "blstm-lld" else {}))
    batch = make_batch(torch.randn(2, 1, 20, 6))
    assert torch.equal(model.eval()(batch).logits, model(batch).logits)
    assert not torch.equal(model.train()(batch).logits, model(batch).logits)
    model.noise = 0.0
    assert torch.equal(model(batch).logits, model(batch).logits)


def test_sizes_that_make_no_sense_are_refused():
    with pytest.raises(ParameterError, match="1 or more"):
        build("sae-cnn-blstm", dims=6, n_classes=3, window=0)


@pytest.mark.parametrize(("name", "width"), [("blstm-lld", 128), ("sae-cnn-blstm", 128), ("sae-cnn-blstm-attention", 30)])
def test_an_lstm_stands_beside_the_blstm_and_hears_nothing_of_what_comes(name, width):
    small = {} if name == "blstm-lld" else SMALL
    one, both = (build(name, dims=6, n_classes=3, bidirectional=b, **small).eval() for b in (False, True))
    frames = torch.randn(1, 1, 60, 6)
    assert one(make_batch(frames)).embedding.shape == (1, width)
    assert both(make_batch(frames)).embedding.shape == (1, 2 * width)
    lstm = one.lstm if name == "blstm-lld" else one.lstms[0]
    x = torch.randn(1, 8, 512 if name == "blstm-lld" else one.cnn.dims_out)
    changed = x.clone()
    changed[:, 5:] += 1.0
    eight = torch.tensor([8])
    assert torch.equal(lstm(x, eight)[0][:, :5], lstm(changed, eight)[0][:, :5])


def test_figure_1_is_one_layer_and_one_fully_connected_layer():
    model = build("sae-cnn-blstm-attention", dims=6, n_classes=3, units=(30,), dense=(16,), **SMALL).eval()
    assert [lstm.dims_out for lstm in model.lstms] == [60]
    output = model(make_batch(torch.randn(2, 1, 70, 6)))
    assert output.embedding.shape == (2, 16)
    assert (output.embedding >= 0).all()
    assert [tuple(layer.weight.shape) for layer in (*model.dense, model.classes)] == [(16, 60), (3, 16)]
