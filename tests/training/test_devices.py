from __future__ import annotations

import os
from contextlib import contextmanager

import pytest
import torch

from featurekit.errors import ParameterError
from featurekit.training import TrainSettings
from featurekit.training.devices import (
    choose_device,
    cpu_threads,
    place,
    precision,
    precision_name,
    random_state,
    reproducible,
    restore_random_state,
    share_threads,
)


def test_auto_takes_the_gpu_where_there_is_one():
    assert choose_device("cpu").type == "cpu"
    assert choose_device("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")


def test_bf16_is_asked_of_the_gpu_that_computes(monkeypatch):
    """Of two GPUs the second has bf16, and the first is the current one."""
    current = [0]

    @contextmanager
    def made_current(device):
        current.append(device.index)
        yield
        current.pop()

    monkeypatch.setattr(torch.cuda, "device", made_current)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: current[-1] == 1)
    names = [precision_name(TrainSettings(), torch.device("cuda", number)) for number in (0, 1)]
    assert (names, current) == (["fp32", "bf16"], [0])


def test_asking_for_a_gpu_that_is_not_there_is_an_error(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ParameterError, match="torch sees no GPU"):
        choose_device("cuda")


def test_one_of_several_gpus_is_taken_by_its_number_and_auto_is_the_threads_current_one(monkeypatch):
    for name, value in {"is_available": True, "device_count": 2, "current_device": 1}.items():
        monkeypatch.setattr(torch.cuda, name, lambda value=value: value)
    assert [choose_device(name) for name in ("cuda:0", "cuda", "auto")] == [torch.device("cuda", n) for n in (0, 1, 1)]
    with pytest.raises(ParameterError, match=r"device is cuda:2, but the last GPU that torch sees is cuda:1"):
        choose_device("cuda:2")
    with pytest.raises(ParameterError, match=r"device is 'cuda:x'; expected auto, cpu, cuda or cuda:N"):
        choose_device("cuda:x")


def test_bf16_on_a_cpu_only_when_asked():
    device = torch.device("cpu")
    for name, wanted in (("auto", torch.float32), ("fp32", torch.float32), ("bf16", torch.bfloat16)):
        with precision(TrainSettings(precision=name), device):
            assert torch.nn.Linear(2, 2)(torch.ones(1, 2)).dtype == wanted


def test_convolutions_are_placed_channels_last():
    model = place(torch.nn.Sequential(torch.nn.Conv2d(2, 3, 3)), torch.device("cpu"))
    assert model[0].weight.is_contiguous(memory_format=torch.channels_last)


def test_seeds_hold_inside_and_the_state_returns_even_after_an_error():
    settings, device = TrainSettings(seed=4, threads=1), torch.device("cpu")
    state, threads, drawn = torch.get_rng_state(), torch.get_num_threads(), []

    def fail():
        with reproducible(settings, device):
            drawn.append(torch.rand(1))
            raise RuntimeError

    for _ in range(2):
        with pytest.raises(RuntimeError):
            fail()
    assert torch.equal(*drawn)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.get_num_threads() == threads


def test_deterministic_kernels_are_asked_for_inside_only(monkeypatch):
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":16:8")
    flags = torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark
    with reproducible(TrainSettings(deterministic=True), torch.device("cpu"), one_shape=True):
        assert torch.are_deterministic_algorithms_enabled()
        assert (torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark) == (True, False)
    assert not torch.are_deterministic_algorithms_enabled()
    assert (torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark) == flags
    assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":16:8"
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG")
    with reproducible(TrainSettings(deterministic=True), torch.device("cpu")):
        assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"
    assert "CUBLAS_WORKSPACE_CONFIG" not in os.environ


def test_dropout_goes_on_where_it_was():
    device = torch.device("cpu")
    with torch.random.fork_rng(devices=[]):
        state = random_state(device)
        drawn = torch.rand(3)
        restore_random_state(state | {"cuda": torch.zeros(16, dtype=torch.uint8)}, device)
        assert torch.equal(torch.rand(3), drawn)


def test_processes_share_the_cores(monkeypatch):
    threads = torch.get_num_threads()
    monkeypatch.setattr("joblib.cpu_count", lambda: 8)
    for sharing, expected in ((1, 8), (3, 2), (20, 1)):
        share_threads(sharing)
        assert cpu_threads() == expected
    torch.set_num_threads(threads)
