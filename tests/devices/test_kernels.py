"""What decides which kernels a GPU runs, seen on CPU tensors: order in memory, compiled graphs, precision."""

from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

from featurekit.training import TrainSettings
from featurekit.training.devices import Forward, place, precision, sees_one_shape
from featurekit.whole_float32 import whole_float32

contract: Any = sys.modules["contract_of_models"]
GPU = torch.device("cuda")


def dataset(*, image: bool = True, context: int = 1, n: int = 10) -> Any:
    class Data(SimpleNamespace):
        def __len__(self) -> int:
            return n

    return Data(image_shape=(8, 8) if image else None, context=context)


@pytest.mark.parametrize("name", ["resnet18", "mobilenet-v2", "cnn5"])
def test_every_convolution_is_channels_last_to_a_gpu(name: str) -> None:
    # It looks at strides: a first convolution of one channel, and those of one pixel, lie both ways unless they are told.
    model = place(contract.make_model(name), torch.device("cpu"))
    kernels = [module.weight for module in model.modules() if isinstance(module, nn.Conv2d)]
    assert len(kernels) > 3
    assert all(kernel.stride(1) == 1 and kernel.stride(3) == kernel.shape[1] for kernel in kernels)


@pytest.mark.parametrize("name", ["cnn2d", pytest.param("resnet18", marks=pytest.mark.slow)])
def test_a_network_of_pictures_is_one_graph(name: str) -> None:
    batch = contract.views(name, contract.make_batch(((9,), (4,), (7,), (12,))))[-1]
    model = contract.make_model(name).eval()
    compiled = torch.compile(model, backend="eager", fullgraph=True)
    torch.testing.assert_close(compiled(batch).logits, model(batch).logits)
    torch._dynamo.reset()


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor")  # torch's own, while it writes down the graph
def test_an_image_network_of_windows_is_compiled_where_there_is_no_context() -> None:
    batch = contract.make_batch(((9,), (4,), (7,), (12,)))
    model = contract.make_model("sbcnn-lenet").eval()
    torch.testing.assert_close(torch.compile(model, backend="eager")(batch).logits, model(batch).logits)
    torch._dynamo.reset()


def test_convolutions_of_one_shape_are_told_from_those_of_many() -> None:
    lenet, cnn2d, asp = (contract.make_model(name) for name in ("sbcnn-lenet", "cnn2d", "resnet-asp"))
    assert sees_one_shape(lenet, dataset())
    assert sees_one_shape(cnn2d, dataset(image=False))
    assert not sees_one_shape(asp, dataset(image=False))  # every length of the batch another shape
    assert not sees_one_shape(lenet, dataset(context=3))
    assert not sees_one_shape(contract.make_model("rnn-pool"), dataset())


@pytest.mark.parametrize(
    ("device", "n", "compiling", "expected"),
    [
        ("cuda", 10_000, "auto", [{"dynamic": False}]),
        ("cuda", 10_000, "off", []),
        ("cuda", 1_000, "auto", []),
        ("cpu", 10_000, "auto", []),
        ("cpu", 10, "on", [{"dynamic": False}]),
    ],
)
def test_what_takes_minutes_to_compile_is_compiled_where_much_is_to_be_done(
    device: str, n: int, compiling: str, expected: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(torch, "compile", lambda model, **how: asked.append(how) or model)
    settings = TrainSettings(epochs=100, compile=compiling)
    Forward(contract.make_model("sbcnn-lenet"), settings, torch.device(device), train=dataset(n=n), on_note=lambda _: None)
    assert asked == expected


def test_bf16_is_for_a_gpu_that_has_it_not_for_one_that_plays_it(gpu: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for real in (True, False):
        monkeypatch.setattr(
            torch.cuda, "is_bf16_supported", lambda including_emulation=True, real=real: including_emulation or real
        )
        with precision(TrainSettings(), GPU):
            assert torch.is_autocast_enabled("cuda") == real


PRESENT_WAY = """
import torch
from featurekit.whole_float32 import whole_float32
backends = torch.backends
asked = [backends.cuda.matmul, backends.cudnn.conv, backends.cudnn.rnn, backends.mkldnn.matmul]
{said} = "tf32"
before = [operation.fp32_precision for operation in asked]
with whole_float32():
    assert [operation.fp32_precision for operation in asked] == ["ieee"] * 4
assert [operation.fp32_precision for operation in asked] == before
"""


@pytest.mark.skipif(not hasattr(torch.backends.cuda.matmul, "fp32_precision"), reason="torch before 2.9")
@pytest.mark.parametrize("said", ["backends", "backends.cuda.matmul", "backends.cudnn"])
def test_whole_float32_where_the_caller_used_the_present_settings(said: str) -> None:
    """Asking in the older way is an error then; in a process of its own, since torch remembers that somebody used them."""
    code = PRESENT_WAY.format(said=f"{said}.fp32_precision")
    subprocess.run([sys.executable, "-c", code], check=True)


def test_whole_float32_is_so_inside_and_as_it_was_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", True)
    torch.set_float32_matmul_precision("high")
    try:
        with whole_float32():
            assert not torch.backends.cudnn.allow_tf32
            assert torch.get_float32_matmul_precision() == "highest"
        assert torch.backends.cudnn.allow_tf32
        assert torch.get_float32_matmul_precision() == "high"
    finally:
        torch.set_float32_matmul_precision("highest")


@pytest.mark.parametrize("name", ["sae-cnn-blstm-attention", "ub-bilstm", "resnet-asp"])
def test_half_precision_costs_no_model_more_than_others(name: str) -> None:
    batch = contract.make_batch(contract.FULL)
    model = contract.prepared(contract.make_model(name), batch).eval()
    with torch.no_grad():
        whole = model(batch).logits
        with precision(TrainSettings(precision="bf16"), torch.device("cpu")):
            half = model(batch).logits.float()
    assert (half - whole).abs().max() < 0.01 * whole.abs().max()
