"""The training stage on the pretended GPU: the bits of the CPU wherever values lie, and no step waits for the device."""

from __future__ import annotations

import copy
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from featurekit.data import Dataset, Fold, Normaliser
from featurekit.data.augment import make_augment
from featurekit.data.collate import Pool
from featurekit.errors import ParameterError, TrainingError
from featurekit.training import TrainSettings, build_for
from featurekit.training.batches import Batches
from featurekit.training.loop import FitResult, fit
from featurekit.training.prediction import predict
from featurekit.training.residency import choose_residency

AUGMENT = ("vtlp", "tempo", "specaugment(time_width=3, time_warp=2)", "shift(max_frames=2)", "mixup")
GPU = torch.device("cuda")
Parts = Callable[..., tuple[Dataset, Dataset]]


@pytest.fixture
def parts(store: Any) -> Parts:
    def make(features: Any = "x/a", context: int = 3, augment: tuple[str, ...] = ()) -> tuple[Dataset, Dataset]:
        ids = store.manifest.ids
        fold = Fold("0", tuple(ids[:24]), tuple(ids[24:30]), tuple(ids[30:]))
        train = Dataset(store, features, fold, "train", context=context, augment=make_augment(augment, 3))
        return train, Dataset(store, features, fold, "dev", context=context)

    return make


def fitted(
    name: str, parts: tuple[Dataset, Dataset], *, folder: Any = None, on_epoch: Any = None, **settings: Any
) -> FitResult:
    chosen = TrainSettings(**({"epochs": 2, "batch_size": 6, "precision": "fp32", "threads": 1} | settings))
    return fit(build_for(name, parts[0]), *parts, chosen, folder=folder, on_epoch=on_epoch)


def hold(one: FitResult, other: FitResult) -> None:
    assert [row["train_loss"] for row in one.history] == [row["train_loss"] for row in other.history]
    assert one.best_epoch == other.best_epoch
    assert all(torch.equal(value, other.state[name]) for name, value in one.state.items())
    assert all(value.device.type == "cpu" for value in other.state.values())


@pytest.mark.parametrize(("name", "features", "context"), [("ub-bilstm", ["x/a"], 3), ("sbcnn-lenet", ["x/a", "x/image"], 1)])
def test_wherever_values_lie_the_weights_are_those_of_a_cpu(
    name: str, features: list[str], context: int, parts: Parts, gpu: Any
) -> None:
    make = lambda: parts(features, context, AUGMENT)  # noqa: E731
    expected = fitted(name, make(), device="cpu", gradient_clip=1.0)
    for how in ({"residency": "device"}, {"residency": "pinned"}, {"residency": "stream", "workers": 1}):
        hold(expected, fitted(name, make(), device="cuda", gradient_clip=1.0, **how))


@pytest.mark.parametrize("optimizer", ["adamw", "sgd", "rmsprop"])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_every_optimizer_in_both_precisions(optimizer: str, precision: str, parts: Parts, gpu: Any) -> None:
    how: dict[str, Any] = {"optimizer": optimizer, "accumulate": 2, "class_weights": True, "label_smoothing": 0.1}
    found = [fitted("rnn-attention", parts(context=1), device=where, precision=precision, **how) for where in ("cpu", "cuda")]
    hold(*found)


def test_a_gpu_trains_in_bf16_of_itself(parts: Parts, gpu: Any) -> None:
    both = [fitted("rnn-pool", parts(context=1), device="cuda", precision=name) for name in ("auto", "bf16")]
    hold(*both)


@pytest.mark.parametrize("residency", ["device", "pinned"])
def test_an_epoch_waits_for_its_losses_only(residency: str, parts: Parts, gpu: Any) -> None:
    told: list[list[str]] = []

    def note(row: Any) -> None:
        told.append(list(gpu.waits))
        gpu.waits.clear()

    train, _ = parts("x/a", 1, AUGMENT)
    settings = TrainSettings(epochs=3, batch_size=6, device="cuda", residency=residency, gradient_clip=1.0)
    fit(build_for("rnn-attention", train), train, None, settings, on_epoch=note)
    waits = {wait.split(":")[0] for wait in told[-1]}
    own_stream = {"synchronize training/batches.py"} if residency == "pinned" else set()
    assert waits == {"tolist training/trainer.py", "cpu training/trainer.py"} | own_stream
    assert sum("trainer" in wait for wait in told[-1]) == 2


def test_an_interrupted_fit_goes_on_to_the_same_bits(parts: Parts, gpu: Any, tmp_path: Any) -> None:
    def interrupt(row: Any) -> None:
        if row["epoch"] == 2:
            raise KeyboardInterrupt

    how: dict[str, Any] = {"epochs": 4, "device": "cuda", "optimizer": "adamw"}
    whole = fitted("ub-lstm", parts(augment=AUGMENT), **how)
    with pytest.raises(KeyboardInterrupt):
        fitted("ub-lstm", parts(augment=AUGMENT), folder=tmp_path, on_epoch=interrupt, **how)
    torch.rand(5, device="cuda")
    hold(whole, fitted("ub-lstm", parts(augment=AUGMENT), folder=tmp_path, **how))


def test_a_fit_of_the_gpu_goes_on_on_a_cpu(parts: Parts, gpu: Any, tmp_path: Any) -> None:
    def interrupt(row: Any) -> None:
        raise KeyboardInterrupt

    how: dict[str, Any] = {"epochs": 3, "optimizer": "rmsprop"}
    with pytest.raises(KeyboardInterrupt):
        fitted("mlp-pool", parts(context=1), folder=tmp_path, on_epoch=interrupt, device="cuda", **how)
    how["device"] = "cpu"
    hold(fitted("mlp-pool", parts(context=1), **how), fitted("mlp-pool", parts(context=1), folder=tmp_path, **how))


def test_models_that_are_fitted_otherwise_are_fitted_there_too(parts: Parts, gpu: Any) -> None:
    pytest.importorskip("sklearn")
    results = []
    for device in ("cpu", "cuda"):
        train, dev = parts(context=1)
        model = build_for("svm", train)
        settings = TrainSettings(epochs=1, device=device)
        fit(model, train, dev, settings)
        results.append(predict(model, dev, settings))
    np.testing.assert_array_equal(results[0].logits, results[1].logits)


def test_a_loss_that_is_not_finite_names_its_batch(parts: Parts, gpu: Any) -> None:
    train, _ = parts(context=1)
    train.packed().frames.values[3] = np.nan  # type: ignore[union-attr]
    with pytest.raises(TrainingError, match=r"the loss is nan in epoch 1 on the batch of .*s0_0"):
        fit(build_for("logistic", train), train, None, TrainSettings(batch_size=6, device="cuda"))
    train.packed().frames.values[3] = 0.0  # type: ignore[union-attr]


def test_the_search_for_a_batch_that_fits_begins_when_the_one_that_did_not_is_gone(
    parts: Parts, gpu: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    train, _ = parts(context=1)
    model = build_for("mlp-pool", train)
    alive: list[weakref.ref[torch.UntypedStorage]] = []
    seen: list[bool] = []

    def full(gradient: torch.Tensor) -> torch.Tensor:
        raise torch.OutOfMemoryError("CUDA out of memory")

    def remember(module: Any, inputs: Any, output: torch.Tensor) -> None:
        seen.append(any(item() is not None for item in alive))
        alive.append(weakref.ref(output.untyped_storage()))
        if len(output) > 3:
            output.register_hook(full)

    model.dense[1].register_forward_hook(remember)  # what it gives is kept for its gradient
    with pytest.raises(TrainingError, match="out of memory on cuda in epoch 1 with a batch of 12; a batch of 3 fits"):
        fit(model, train, None, TrainSettings(batch_size=12, device="cuda"))
    assert seen == [False, False, False]


def test_images_stay_bytes_until_they_are_on_the_device(parts: Parts, gpu: Any) -> None:
    train, _ = parts("x/image", 1)
    resident = Pool(train.packed(), "cuda")
    assert resident._images is not None
    assert (resident._images.dtype, resident._images.device.type) == (torch.uint8, "cuda")
    gpu.waits.clear()
    (batch,) = Batches(train, "cuda", residency="device").of([[3, 0, 7]])
    assert batch.images is not None
    assert (batch.images.dtype, batch.images.device.type) == (torch.float32, "cuda")
    assert not any("data/" in wait and "page-locked" in wait for wait in gpu.waits)


def test_halves_become_there_what_they_become_here(store: Any, gpu: Any) -> None:
    halves = copy.deepcopy(store)
    for name, values in halves.values.items():
        halves.columns[name].dtype = "f2"
        halves.values[name] = [(value / 256).astype(np.float16) for value in values]
    ids, names = store.manifest.ids, ["x/a", "x/image"]
    train = Dataset(halves, names, context=3, normaliser=Normaliser.fit(halves, names, ids))
    order = [[0, 1, 2], [5, 7]]
    for here, there in zip(Batches(train).of(order), Batches(train, "cuda", residency="pinned").of(order), strict=True):
        for one, other in ((here.frames, there.frames), (here.images, there.images)):
            assert one is not None
            assert other is not None
            assert other.device.type == "cuda"
            assert torch.equal(other.cpu(), one)


def test_memory_that_an_earlier_fit_left_with_torch_is_free(parts: Parts, gpu: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (10, 10**9))
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda device: 9 * 10**8)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda device: 10**8)
    chosen = choose_residency(TrainSettings(), parts(), GPU)
    assert (chosen.kind, chosen.free_bytes["cuda"]) == ("device", 8 * 10**8 + 10)


def test_values_that_do_not_fit_are_told_in_a_sentence(parts: Parts, gpu: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    train, _ = parts(context=1)
    monkeypatch.setattr(Batches, "__init__", full)
    with pytest.raises(TrainingError, match="use --residency stream"):
        fit(build_for("logistic", train), train, None, TrainSettings(device="cuda"))


@pytest.mark.parametrize("residency", ["device", "pinned"])
def test_page_locked_memory_that_runs_out_is_one_sentence(
    residency: str, parts: Parts, gpu: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise RuntimeError("CUDA error: out of memory")

    train, _ = parts("x/a", 1, AUGMENT)
    model = build_for("mlp-pool", train)
    monkeypatch.setattr(torch.Tensor, "pin_memory", full)
    with pytest.raises(TrainingError, match=r"page-locked memory of the host has run out.*use --residency stream"):
        fit(model, train, None, TrainSettings(device="cuda", residency=residency, batch_size=6))


def test_every_thread_that_copies_makes_the_models_gpu_its_current_one(parts: Parts, gpu: Any) -> None:
    train, _ = parts(context=1)
    fit(build_for("logistic", train), train, None, TrainSettings(device="cuda:0", residency="pinned", epochs=1, batch_size=6))
    threads = {name for name, number in gpu.entered if number == 0}
    assert len(threads) >= 2, gpu.entered  # the one that trains, and the one that copies ahead


def test_a_gpu_that_is_not_there_is_refused_by_its_number(parts: Parts, gpu: Any) -> None:
    train, _ = parts(context=1)
    with pytest.raises(ParameterError, match="device is cuda:1, but the last GPU that torch sees is cuda:0"):
        fit(build_for("logistic", train), train, None, TrainSettings(device="cuda:1"))
