from __future__ import annotations

import torch

from featurekit.data.collate import Batch
from featurekit.models import MODELS, build
from featurekit.models.layers import AttentiveStatistics, MultiHeadAttention


def make_batch(lengths, dims, seed=0):
    lengths = torch.tensor(lengths)[:, None]
    frames = torch.randn(len(lengths), 1, int(lengths.max()), dims, generator=torch.Generator().manual_seed(seed))
    return Batch(frames, lengths, None, lengths > 0, torch.zeros(len(lengths)).long(), ["x"] * len(lengths))


def count(module):
    return sum(value.numel() for value in module.parameters())


def test_equal_weights_give_mean_and_standard_deviation():
    layer = AttentiveStatistics(4)
    torch.nn.init.zeros_(layer.score[-1].weight)
    h = torch.randn(2, 6, 4)
    pooled, weights = layer(h, torch.tensor([6, 3]))
    expected = torch.cat([h[1, :3].mean(dim=0), h[1, :3].std(dim=0, unbiased=False)])
    torch.testing.assert_close(pooled[1], expected, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(weights[1], torch.tensor([1 / 3, 1 / 3, 1 / 3, 0, 0, 0]))


def test_deviations_are_whole_under_autocast():
    """A mean that is rounded to bfloat16 makes a deviation of 0.01 around 5 twice as large."""
    layer = AttentiveStatistics(4)
    h = 5.013 + 0.01 * torch.randn(3, 400, 4, generator=torch.Generator().manual_seed(0))
    lengths = torch.tensor([400, 300, 7])
    expected, _ = layer(h, lengths)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        pooled, _ = layer(h, lengths)
    torch.testing.assert_close(pooled, expected, rtol=0.02, atol=1e-4)


def test_heads_sum_over_time_in_float32_under_autocast():
    layer = MultiHeadAttention(4, heads=2, units=3)
    h = torch.randn(2, 500, 4, generator=torch.Generator().manual_seed(0))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        pooled, weights = layer(h, torch.tensor([500, 20]))
        values = layer.w_V(h).unflatten(-1, (2, 3))
    expected = torch.einsum("nthu,nht->nhu", values.double(), weights.double()).flatten(1).float()
    torch.testing.assert_close(pooled, expected, rtol=1e-5, atol=1e-6)


def test_the_resnet_is_small_and_shortens_time_eightfold():
    model = build("resnet-asp", dims=80, n_classes=4).eval()
    assert count(model) == 1_883_300 + 192 + 1  # one class more than the page of `explain` shows
    output = model(make_batch([33, 16], 80))
    assert output.attention["frames"].shape == (2, 5)
    assert not output.attention["frames"][1, 2:].any()
    assert output.embedding.shape == (2, 192)


def test_the_heads_are_what_their_names_say():
    linear = build("asr-linear", dims=384, n_classes=4).eval()
    assert count(linear) == 384 * 4 + 4
    batch = make_batch([5, 2], 384)
    torch.testing.assert_close(linear(batch).logits[1], linear.classes(batch.frames[1, 0, :2].mean(dim=0)))
    attentive = build("asr-attentive", dims=384, n_classes=4)
    assert count(attentive) == 384 * 128 + 128 + (128 * 64 + 64 + 64 + 1) + 256 * 4 + 4


def test_ours_are_trained_as_is_done_today():
    for name in ("resnet-asp", "asr-linear", "asr-attentive"):
        recipe = MODELS.get(name).recipe
        assert (recipe["optimizer"], recipe["schedule"], recipe["label_smoothing"]) == ("adamw", "cosine", 0.1)
        assert recipe["warmup_epochs"] > 0
