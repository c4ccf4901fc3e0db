"""The same on a real GPU, where there is one: numbers near the CPU's, steps that do not wait, state that survives.

Nowhere else may a test differ by its machine. Here nothing is exact but what is said to be.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from featurekit.data import Dataset, Fold
from featurekit.data.augment import make_augment
from featurekit.models.layers import MaskedLSTM
from featurekit.training import TrainSettings, build_for
from featurekit.training.devices import place, precision
from featurekit.training.loop import FitResult, fit
from featurekit.whole_float32 import whole_float32

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
contract: Any = sys.modules["contract_of_models"]
CPU, GPU = torch.device("cpu"), torch.device("cuda")
NAMES = [name for name in contract.NAMES if name not in contract.SLOW]
AUGMENT = ("vtlp", "tempo", "specaugment(time_width=3, time_warp=2)", "shift(max_frames=2)", "mixup")


@pytest.fixture
def waits_are_told_again() -> Iterator[None]:
    """Afterwards the host may wait for the device as before."""
    yield
    torch.cuda.set_sync_debug_mode("default")


def model_of(name: str, batch: Any) -> nn.Module:
    return contract.prepared(place(contract.make_model(name), batch.lengths.device), batch)


@pytest.mark.parametrize("name", NAMES)
def test_a_model_judges_there_as_here(name: str) -> None:
    for batch in contract.views(name, contract.make_batch((*contract.FULL[:3], (0, 9, 17)))):
        model = model_of(name, batch).eval()
        with torch.inference_mode(), whole_float32():
            here = model(batch)
            there = place(model, GPU)(batch.to(GPU))
        for one, other in ((here.logits, there.logits), (here.embedding, there.embedding)):
            torch.testing.assert_close(other.cpu(), one, rtol=0, atol=1e-3 * max(1.0, float(one.abs().max())))


@pytest.mark.parametrize("name", NAMES)
def test_a_model_learns_there_in_bf16(name: str) -> None:
    for batch in contract.views(name, contract.make_batch(contract.FULL)):
        there = batch.pin_memory().to(GPU)
        model = model_of(name, there).train()
        if not contract.trainable(model):
            continue
        optimizer = torch.optim.Adam(contract.trainable(model), 1e-3, fused=True)
        for _ in range(3):
            with precision(TrainSettings(), GPU):
                loss = F.cross_entropy(model(there).logits.float(), there.labels)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
        assert torch.isfinite(loss)
        assert all(torch.isfinite(value).all() for value in model.parameters())


def test_why_recurrent_layers_run_outside_autocast() -> None:
    """Should this fail, cuDNN's layers follow autocast by now, and MaskedLSTM may let them."""
    lstm, masked = nn.LSTM(3, 4, batch_first=True).to(GPU), MaskedLSTM(3, 4, bidirectional=True).to(GPU)
    x, lengths = torch.ones(2, 5, 3, device=GPU), torch.tensor([5, 2], device=GPU)
    with torch.autocast("cuda", dtype=torch.bfloat16):
        assert lstm(x)[0].dtype == torch.float16
        assert masked(x, lengths)[0].dtype == torch.float32


@pytest.mark.parametrize("name", ["resnet18", "cnn2d", "rnn-attention"])
def test_a_step_does_not_wait(name: str, waits_are_told_again: None) -> None:
    batch = contract.views(name, contract.make_batch([row[:1] for row in contract.FULL]))[0].pin_memory().to(GPU)
    model = place(contract.make_model(name), GPU).train()
    optimizer = torch.optim.AdamW(model.parameters(), fused=True)
    for mode in ("default", "error", "error"):  # the first step makes room and looks for kernels
        torch.cuda.set_sync_debug_mode(mode)
        with precision(TrainSettings(), GPU):
            loss = F.cross_entropy(model(batch).logits.float(), batch.labels)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()


def parts(store: Any, features: Any, context: int, augment: tuple[str, ...] = ()) -> tuple[Dataset, Dataset]:
    ids = store.manifest.ids
    fold = Fold("0", tuple(ids[:24]), tuple(ids[24:30]), tuple(ids[30:]))
    train = Dataset(store, features, fold, "train", context=context, augment=make_augment(augment, 3))
    return train, Dataset(store, features, fold, "dev", context=context)


def fitted(
    store: Any, features: Any, context: int, *, name: str = "ub-lstm", folder: Any = None, on_epoch: Any = None, **settings: Any
) -> FitResult:
    train, dev = parts(store, features, context, AUGMENT)
    hyper = {"dropout": 0.0}  # whose numbers are the device's own
    chosen = TrainSettings(**({"epochs": 3, "batch_size": 6, "precision": "fp32", "deterministic": True} | settings))
    return fit(build_for(name, train, **hyper), train, dev, chosen, folder=folder, on_epoch=on_epoch)


@pytest.mark.filterwarnings("ignore:.*does not have a deterministic implementation")
@pytest.mark.parametrize(("name", "features", "context"), [("ub-lstm", "x/a", 3), ("sbcnn-lenet", ["x/a", "x/image"], 1)])
def test_wherever_values_lie_the_losses_are_those_of_a_cpu(name: str, features: Any, context: int, store: Any) -> None:
    here = fitted(store, features, context, name=name, device="cpu")
    for how in ({"residency": "device"}, {"residency": "pinned"}, {"residency": "stream", "workers": 2}):
        there = fitted(store, features, context, name=name, device="cuda", **how)
        losses = [[row["train_loss"] for row in result.history] for result in (here, there)]
        assert losses[1] == pytest.approx(losses[0], rel=0.02)


@pytest.mark.filterwarnings("ignore:.*does not have a deterministic implementation")
def test_a_deterministic_fit_is_the_same_twice_and_after_an_interruption(store: Any, tmp_path: Any) -> None:
    def interrupt(row: Any) -> None:
        if row["epoch"] == 2:
            raise KeyboardInterrupt

    how: dict[str, Any] = {"device": "cuda", "epochs": 4}
    whole = [fitted(store, "x/a", 3, **how) for _ in range(2)]
    with pytest.raises(KeyboardInterrupt):
        fitted(store, "x/a", 3, folder=tmp_path, on_epoch=interrupt, **how)
    whole.append(fitted(store, "x/a", 3, folder=tmp_path, **how))
    for other in whole[1:]:
        assert all(torch.equal(value, other.state[name]) for name, value in whole[0].state.items())


def test_what_does_not_fit_is_told_with_what_does(store: Any) -> None:
    from featurekit.errors import TrainingError

    train, _ = parts(store, "x/a", 1)
    model = build_for("mlp-pool", train)
    real = model.forward

    def hungry(batch: Any) -> Any:
        if len(batch) > 3:
            torch.empty(2**45, dtype=torch.uint8, device=GPU)  # 32 TiB
        return real(batch)

    model.forward = hungry  # type: ignore[method-assign]
    with pytest.raises(TrainingError, match="out of memory on cuda in epoch 1 with a batch of 12; a batch of 3 fits"):
        fit(model, train, None, TrainSettings(batch_size=12, device="cuda"))
