"""Every model on the pretended GPU, as the training stage places it: outputs and gradients of the CPU, under bf16 too."""

from __future__ import annotations

import sys
from typing import Any

import pytest
import torch
from torch.nn import functional as F

from featurekit.data.collate import Batch
from featurekit.models import MODELS
from featurekit.training import TrainSettings
from featurekit.training.devices import place, precision

contract: Any = sys.modules["contract_of_models"]
CPU, GPU = torch.device("cpu"), torch.device("cuda")
# The quickest of each file, on one of the inputs it may read; the others are for who works on this.
QUICK = {name for name in contract.NAMES if name not in contract.SLOW}
QUICK -= {"aff-acrnn-ub-res18", "mobilenet-v2", "random-forest", "sae-cnn-blstm", "sbcnn-resnet18"}
BUT = {"densenet", "mobilenet", "multinet", "stitched", "vit"}  # torchvision's networks as resnet18 has one
# Where slots of a window are empty only the device knows how many there are.
LOOKS_FOR_SLOTS = ("ub-", "sbcnn", "aff-acrnn")


def test_the_quick_ones_are_of_every_file() -> None:
    quick = {MODELS.get(name).network.__module__.rsplit(".", 1)[1] for name in QUICK}
    every = {MODELS.get(name).network.__module__.rsplit(".", 1)[1] for name in contract.NAMES}
    assert every - quick == BUT


def prepared(name: str, batch: Batch) -> torch.nn.Module:
    """The model as it is before its first step, on the batch's device."""
    return contract.prepared(place(contract.make_model(name), batch.lengths.device), batch)


def learnt(model: torch.nn.Module, batch: Batch) -> list[torch.Tensor]:
    """Logits, embedding and attention, judged and in training; gradients."""
    judged = model.eval()(batch)
    torch.manual_seed(1)
    trained = model.train()(batch)
    values = [judged.logits, judged.embedding, *(judged.attention or {}).values(), trained.logits]
    assert {value.device.type for value in values} == {batch.lengths.device.type}
    trainable = [value for value in model.parameters() if value.requires_grad]
    if trainable:
        F.cross_entropy(trained.logits, batch.labels).backward()
        values += [value.grad for value in trainable if value.grad is not None]
    return [value.detach().cpu() for value in values]


def on_both(name: str, inputs: slice) -> None:
    for batch in contract.views(name, contract.make_batch((*contract.FULL[:3], (0, 9, 17))))[inputs]:
        expected = learnt(prepared(name, batch), batch)
        there = batch.pin_memory().to(GPU)
        model = prepared(name, there)
        found = learnt(model, there)
        assert len(found) == len(expected)
        for one, other in zip(expected, found, strict=True):
            # A transformer of the host has a quicker way to judge than the device.
            torch.testing.assert_close(other, one, rtol=0, atol=1e-5 if name == "vit" else 0)
        with precision(TrainSettings(), GPU), torch.no_grad():
            half = model.eval()(there).logits
        assert torch.isfinite(half).all()


@pytest.mark.parametrize("name", sorted(QUICK))
def test_a_model_gives_there_what_it_gives_here(name: str, gpu: Any) -> None:
    on_both(name, slice(-1, None))


@pytest.mark.slow
@pytest.mark.parametrize("name", contract.NAMES)
def test_every_model_on_all_it_may_read(name: str, gpu: Any) -> None:
    on_both(name, slice(None))


@pytest.mark.parametrize(
    "name",
    [
        *("resnet18", "cnn2d", "rnn-attention", "acoustic-text", "ub-bilstm", "sbcnn-lenet"),
        pytest.param("multinet", marks=pytest.mark.slow),
    ],
)
@pytest.mark.parametrize("context", [1, 3])
def test_nothing_waits_for_the_device_in_a_step(name: str, context: int, gpu: Any) -> None:
    if context == 3 and not name.startswith(LOOKS_FOR_SLOTS):
        return
    lengths = [slots if context == 3 else slots[1:2] for slots in contract.FULL]
    batch = contract.views(name, contract.make_batch(lengths))[0].pin_memory().to(GPU)
    model = place(contract.make_model(name), GPU).train()
    optimizer = torch.optim.AdamW(model.parameters(), fused=True)
    for _ in range(2):
        gpu.waits.clear()
        with precision(TrainSettings(), GPU):
            loss = F.cross_entropy(model(batch).logits.float(), batch.labels)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
    asked = {wait.split(":")[0] for wait in gpu.waits}
    assert asked == ({"__getitem__ models/layers.py"} if context == 3 else set())
