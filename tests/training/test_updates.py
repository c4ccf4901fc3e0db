from __future__ import annotations

import itertools
import math

import pytest
import torch
from torch import nn

from featurekit.errors import ParameterError
from featurekit.training import TrainSettings
from featurekit.training import updates as updating
from featurekit.training.updates import Updates, factor


def test_the_schedule_rises_and_falls():
    settings = TrainSettings(epochs=10, warmup_epochs=2, schedule="cosine")
    factors = [factor(step, 5, settings) for step in range(51)]
    assert factors[0] == pytest.approx(0.1)
    assert factors[9] == factors[10] == 1.0
    assert all(a > b for a, b in itertools.pairwise(factors[10:]))
    assert factors[30] == pytest.approx(0.5)
    assert math.isclose(factors[50], 0.0, abs_tol=1e-12)
    assert {factor(step, 5, TrainSettings()) for step in range(20)} == {1.0}


def stepped(optimizer, reference, **settings):
    """Three steps of ours and of torch's own optimizer on the same gradients."""
    ours, theirs = (nn.Linear(3, 2) for _ in range(2))
    theirs.load_state_dict(ours.state_dict())
    updates = Updates(ours, TrainSettings(lr=0.1, optimizer=optimizer, **settings), 1)
    other = reference(theirs.parameters())
    for _ in range(3):
        x = torch.randn(4, 3)
        for model in (ours, theirs):
            model(x).square().sum().backward()
        updates.step()
        other.step()
        other.zero_grad()
    return zip(ours.parameters(), theirs.parameters(), strict=True)


@pytest.mark.parametrize(
    ("optimizer", "reference", "settings"),
    [
        ("adam", lambda p: torch.optim.Adam(p, 0.1, weight_decay=0.01), {"weight_decay": 0.01}),
        ("adamw", lambda p: torch.optim.AdamW(p, 0.1, weight_decay=0.01), {"weight_decay": 0.01}),
        ("sgd", lambda p: torch.optim.SGD(p, 0.1, momentum=0.9), {}),
        ("rmsprop", lambda p: torch.optim.RMSprop(p, 0.1, alpha=0.9, eps=1e-7), {}),
    ],
)
def test_steps_are_those_of_torchs_plain_optimizers(optimizer, reference, settings):
    for mine, other in stepped(optimizer, reference, **settings):
        torch.testing.assert_close(mine, other, rtol=1e-5, atol=1e-6)


@pytest.fixture
def pretrained(monkeypatch):
    """Two layers, of which the first is a backbone."""
    monkeypatch.setattr(updating, "backbone_parameters", lambda model: iter(model[0].parameters() if len(model) > 1 else ()))
    return nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))


def test_a_pretrained_backbone_may_learn_more_slowly(pretrained):
    before = [value.detach().clone() for value in pretrained.parameters()]
    updates = Updates(pretrained, TrainSettings(lr=0.1, backbone_lr=0.001, optimizer="sgd", momentum=0.0), 1)
    for value in pretrained.parameters():
        value.grad = torch.ones_like(value)
    updates.step()
    moved = [float((old - new.detach()).max()) for old, new in zip(before, pretrained.parameters(), strict=True)]
    assert moved == pytest.approx([0.001, 0.001, 0.1, 0.1], rel=1e-4)
    with pytest.raises(ParameterError, match="trains no backbone"):
        Updates(nn.Sequential(nn.Linear(1, 1)), TrainSettings(backbone_lr=0.1), 1)


def test_memory_of_the_optimizer_comes_back_in_the_order_of_the_weights():
    model = nn.Conv2d(2, 3, 3).to(memory_format=torch.channels_last)
    updates = Updates(model, TrainSettings(), 1)
    model(torch.randn(1, 2, 5, 5)).sum().backward()
    updates.step()
    kept = {name: value.contiguous() for name, value in updates.state().items()}
    again = Updates(model, TrainSettings(), 1)
    again.load(kept, updates.done)
    memory = again.optimizer.state[model.weight]
    assert memory["exp_avg"].stride() == model.weight.stride()
    torch.testing.assert_close(memory["exp_avg"], updates.optimizer.state[model.weight]["exp_avg"], rtol=0, atol=0)
    assert again.done == 1
