"""The pretended GPU refuses what a GPU refuses, and tells what makes the host wait: planted mistakes are found."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from featurekit.data import Dataset, Fold
from featurekit.data.collate import Batch
from featurekit.training.batches import Batches

pytestmark = pytest.mark.skipif(torch.cuda.is_available(), reason="a GPU need not be pretended here")
pretend: Any = sys.modules["pretend_gpu"]
GPU = torch.device("cuda")


@pytest.mark.parametrize(
    "mistake",
    [
        lambda there, here: there + here,
        lambda there, here: here * there,
        lambda there, here: torch.cat([there, here]),
        lambda there, here: torch.where(there > 0, there, here),
        lambda there, here: there.masked_fill_(here > 0, 0.0),
        lambda there, here: nn.functional.linear(there, here[None]),
        lambda there, here: here[there.long()],
        lambda there, here: there.index_select(0, here.long()),
        lambda there, here: nn.Linear(4, 2)(there),
        lambda there, here: nn.Linear(4, 2).to(GPU)(here),
        lambda there, here: here.index_add_(0, there.long(), there),
    ],
)
def test_tensors_on_two_devices_are_refused(gpu: Any, mistake: Any) -> None:
    with pytest.raises(RuntimeError, match="same device"):
        mistake(torch.arange(4.0).to(GPU), torch.arange(4.0))


def test_a_number_and_an_index_of_the_host_are_taken(gpu: Any) -> None:
    there = torch.arange(4.0, device=GPU)
    assert (there + torch.tensor(1.0)).tolist() == [1, 2, 3, 4]
    assert there[torch.tensor([2, 0])].tolist() == [2, 0]
    assert there[[1, 3]].device.type == "cuda"


def test_no_numpy_of_the_device(gpu: Any) -> None:
    for mistake in (lambda value: value.numpy(), np.asarray, lambda value: value.detach().numpy()):
        with pytest.raises(TypeError, match="copy the tensor to host memory"):
            mistake(torch.zeros(3, device=GPU))
    assert torch.zeros(3, device=GPU).cpu().numpy().shape == (3,)


def test_a_generator_draws_for_its_own_device_only(gpu: Any) -> None:
    generator = torch.Generator()
    for mistake in (
        lambda: torch.rand(3, generator=generator, device=GPU),
        lambda: torch.randperm(3, generator=generator, device=GPU),
        lambda: torch.zeros(3, device=GPU).normal_(generator=generator),
    ):
        with pytest.raises(RuntimeError, match="'cuda' device type for generator"):
            mistake()


def test_random_numbers_of_the_device_are_its_own(gpu: Any) -> None:
    torch.manual_seed(3)
    first = torch.rand(4, device=GPU).cpu()
    torch.manual_seed(3)
    torch.rand(9)
    assert torch.equal(torch.rand(4, device=GPU).cpu(), first)


def test_a_copy_that_does_not_wait_arrives_when_the_stream_was_synchronised(gpu: Any) -> None:
    host = torch.empty(3, pin_memory=True)
    host.copy_(torch.ones(3, device=GPU), non_blocking=True)
    assert not torch.equal(host, torch.ones(3))
    torch.cuda.current_stream().synchronize()
    assert torch.equal(host, torch.ones(3))
    with pytest.raises(RuntimeError, match="page-locked"):
        torch.empty(3).copy_(torch.ones(3, device=GPU), non_blocking=True)
    with pytest.raises(RuntimeError, match="page-locked"):
        torch.ones(3, device=GPU).to("cpu", non_blocking=True)


def test_what_another_stream_writes_is_waited_for(gpu: Any) -> None:
    side = torch.cuda.Stream(GPU)
    with torch.cuda.stream(side):
        values = torch.ones(3).pin_memory().to(GPU, non_blocking=True)
    with pytest.raises(RuntimeError, match="without waiting for that stream"):
        values + 1
    torch.cuda.current_stream().wait_stream(side)
    assert (values + 1).tolist() == [2, 2, 2]
    values.record_stream(torch.cuda.current_stream())


@pytest.mark.parametrize("recorded", [True, False])
def test_memory_of_another_stream_is_recorded(recorded: bool) -> None:
    with pretend.pretended() as machine:
        side = torch.cuda.Stream(GPU)
        with torch.cuda.stream(side):
            values = torch.ones(3).pin_memory().to(GPU, non_blocking=True)
        side.synchronize()
        if recorded:
            values.record_stream(torch.cuda.current_stream(GPU))
        assert (values + 1).sum() == 6
        del values
        assert bool(machine.problems) != recorded


@pytest.mark.parametrize(
    ("waiting", "what"),
    [
        (lambda x: x.sum().item(), "item"),
        (lambda x: x.tolist(), "tolist"),
        (lambda x: float(x[0]), "__float__"),
        (lambda x: x.cpu(), "cpu"),
        (lambda x: x.to("cpu"), "copy to the host"),
        (lambda x: x.nonzero(), "nonzero"),
        (lambda x: x[x > 1], "__getitem__"),
        (lambda x: bool((x > 1).any()), "__bool__"),
        (lambda x: torch.tensor([1, 2], device=x.device), "torch.tensor(..., device=)"),
        (lambda x: torch.ones(3).to(x.device), "copy to the device"),
        (lambda x: torch.ones(3).to(x.device, non_blocking=True), "copy to the device from memory that is not page-locked"),
        (lambda x: torch.repeat_interleave(x, x.long()), "repeat_interleave"),
    ],
)
def test_waiting_is_told(gpu: Any, waiting: Any, what: str) -> None:
    x = torch.arange(3.0, device=GPU)
    gpu.waits.clear()
    waiting(x)
    assert gpu.waits == [what]


def test_what_need_not_wait_is_not_told(gpu: Any) -> None:
    x = torch.arange(3.0, device=GPU)
    torch.ones(3).pin_memory().to(GPU, non_blocking=True)
    x[x > 1] = 0.0
    x.masked_fill(x > 0, 1.0)[:, None].repeat_interleave(2, dim=0)
    torch.repeat_interleave(x, torch.ones(3, dtype=torch.int64, device=GPU), output_size=3)
    assert gpu.waits == []


def test_recurrent_layers_under_autocast_give_what_cudnn_gives(gpu: Any) -> None:
    lstm, x = nn.LSTM(3, 4).to(GPU), torch.ones(5, 2, 3, device=GPU)
    with torch.autocast("cuda", dtype=torch.bfloat16):
        states = lstm(x)[0]
        assert states.dtype == torch.float16
        with pytest.raises(RuntimeError, match="Unexpected floating ScalarType"):
            torch.cat([states, states])
    lstm.eval()
    with pytest.raises(RuntimeError, match="only be called in training mode"):
        lstm(x)[0].sum().backward()


def test_a_module_is_moved_with_its_gradients_and_parameters_stay_the_objects_they_are(gpu: Any) -> None:
    layer, x = nn.Linear(3, 2), torch.ones(1, 3)
    weight, optimizer = layer.weight, torch.optim.Adam(layer.parameters(), fused=True)
    layer(x).sum().backward()
    layer.to(GPU)
    assert layer.weight is weight
    assert (weight.device.type, weight.grad.device.type) == ("cuda", "cuda")
    before = weight.tolist()
    layer(x.to(GPU)).sum().backward()
    optimizer.step()
    assert weight.tolist() != before
    assert optimizer.state[weight]["exp_avg"].device.type == "cuda"
    assert layer.cpu().weight.device.type == "cpu"


def test_everything_is_as_before_afterwards() -> None:
    before = torch.zeros, torch.Tensor.to, torch.cuda.Stream, nn.Module._apply, torch.autocast
    with pretend.pretended():
        assert torch.cuda.is_available()
    assert (torch.zeros, torch.Tensor.to, torch.cuda.Stream, nn.Module._apply, torch.autocast) == before
    assert torch.ones(3)[torch.tensor([0, 2])].numpy().shape == (2,)


@pytest.mark.parametrize(
    ("call", "dtype"),
    [
        (lambda x: torch.einsum("ij,jk->ik", x.float(), x.float()), torch.bfloat16),
        (lambda x: x.float() @ x.float(), torch.bfloat16),
        (lambda x: nn.functional.linear(x.float(), x.float()), torch.bfloat16),
        (lambda x: x.softmax(-1), torch.float32),
        (lambda x: nn.functional.layer_norm(x, (4,)), torch.float32),
        (lambda x: x.sum(), torch.float32),
        (lambda x: x.pow(2), torch.float32),
        (lambda x: x.mean(), torch.bfloat16),
        (lambda x: x + x.float(), torch.float32),
        (lambda x: torch.relu(x), torch.bfloat16),
    ],
)
def test_autocast_casts_by_the_lists_of_cuda(gpu: Any, call: Any, dtype: torch.dtype) -> None:
    with torch.autocast("cuda", dtype=torch.bfloat16):
        assert call(torch.ones(4, 4, dtype=torch.bfloat16, device=GPU)).dtype == dtype


def test_planted_frames_alone_are_recorded_on_the_models_stream(store: Any) -> None:
    ids = store.manifest.ids
    train = Dataset(store, ["x/a", "x/image"], Fold("0", tuple(ids), (), ()), "train")
    with pretend.pretended() as machine, pytest.MonkeyPatch.context() as patch:
        patch.setattr(Batch, "record_stream", lambda self, stream: self.frames.record_stream(stream))
        for batch in Batches(train, "cuda", residency="pinned").of([[0, 1], [2, 3]]):
            assert batch.images.sum() > 0
            del batch
        assert any("without record_stream" in problem for problem in machine.problems)


def test_planted_a_copy_home_that_does_not_wait_is_read_at_once(gpu: Any) -> None:
    with pytest.raises(RuntimeError, match="does not wait must end in page-locked memory"):
        torch.cat([torch.ones(2, device=GPU)]).to("cpu", non_blocking=True).numpy()


def test_planted_lengths_of_packed_sequences_on_the_device(gpu: Any) -> None:
    lstm, x, lengths = nn.LSTM(3, 4).to(GPU), torch.ones(5, 2, 3, device=GPU), torch.tensor([5, 3])
    with pytest.raises(RuntimeError, match="'lengths' argument should be a 1D CPU int64 tensor"):
        nn.utils.rnn.pack_padded_sequence(x, lengths.to(GPU))
    packed = nn.utils.rnn.pack_padded_sequence(x, lengths)  # the right form is taken
    states, counts = nn.utils.rnn.pad_packed_sequence(lstm(packed)[0])
    assert (states.shape, states.device.type, counts.device.type) == ((5, 2, 4), "cuda", "cpu")


def test_planted_binary_cross_entropy_under_autocast(gpu: Any) -> None:
    shares = torch.full((3,), 0.5, device=GPU)
    with torch.autocast("cuda", dtype=torch.bfloat16), pytest.raises(RuntimeError, match="unsafe to autocast"):
        nn.functional.binary_cross_entropy(shares, shares)
    assert nn.functional.binary_cross_entropy(shares, shares) > 0


def test_planted_softmax_is_added_into_half_precision(gpu: Any) -> None:
    h, places = torch.ones(3, 4, dtype=torch.bfloat16, device=GPU), torch.zeros(3, dtype=torch.int64, device=GPU)
    with torch.autocast("cuda", dtype=torch.bfloat16), pytest.raises(RuntimeError, match="scalar type"):
        h.index_add(0, places, h.softmax(-1))


@pytest.mark.parametrize(
    ("waiting", "what"),
    [
        (lambda x: x.new_tensor([1.0, 2.0]), "new_tensor"),
        (lambda x: torch.bincount(x.long()), "bincount"),
        (lambda x: nn.functional.one_hot(x.long()), "one_hot"),
        (lambda x: torch.linalg.eigh(torch.diag(x)), "linalg_eigh"),
    ],
)
def test_planted_waits_of_a_step_are_told(gpu: Any, waiting: Any, what: str) -> None:
    x = torch.arange(3.0, device=GPU)
    gpu.waits.clear()
    waiting(x)
    assert gpu.waits == [what]
    gpu.waits.clear()
    nn.functional.one_hot(x.long(), num_classes=3)
    assert gpu.waits == []
