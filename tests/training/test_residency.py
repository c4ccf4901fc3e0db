from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from featurekit.errors import ParameterError
from featurekit.training import TrainSettings, residency
from featurekit.training.residency import choose_residency

CPU, GPU = torch.device("cpu"), torch.device("cuda")
GB = 10**9


@pytest.fixture
def memory(monkeypatch):
    """40 GB are free on a GPU, 100 GB on the host."""
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (40 * GB, 80 * GB))
    monkeypatch.setattr(residency, "free_host_bytes", lambda: 100 * GB)


def needing(*sizes):
    return [SimpleNamespace(nbytes=size * GB) for size in sizes]


@pytest.mark.parametrize(
    ("device", "sizes", "kind"),
    [
        (GPU, (15, 5), "device"),
        (GPU, (15, 6), "pinned"),
        (GPU, (51,), "stream"),
        (GPU, (10, 10), "device"),
        (CPU, (50,), "device"),
        (CPU, (51,), "stream"),
    ],
)
def test_half_of_the_free_memory_may_be_taken(memory, device, sizes, kind):
    assert choose_residency(TrainSettings(), needing(*sizes), device).kind == kind


def test_a_part_that_does_not_pass_through_the_host_is_streamed(memory, monkeypatch):
    monkeypatch.setattr(residency, "free_host_bytes", lambda: 14 * GB)
    assert choose_residency(TrainSettings(), needing(15, 5), GPU).kind == "stream"
    assert choose_residency(TrainSettings(), needing(13, 5), GPU).kind == "device"


def test_what_has_not_the_room_is_refused_and_not_tried(memory):
    with pytest.raises(ParameterError, match=r"take 120.0 GB, where 100.0 GB are free on the host; use --residency auto"):
        choose_residency(TrainSettings(residency="device"), needing(60), CPU, sharing=2)
    with pytest.raises(ParameterError, match="on cuda"):
        choose_residency(TrainSettings(residency="device"), needing(41), GPU)
    assert choose_residency(TrainSettings(residency="device"), needing(39), GPU).kind == "device"


def test_fits_that_share_a_device_share_its_memory(memory):
    assert choose_residency(TrainSettings(), needing(15), GPU, sharing=2).kind == "pinned"


def test_what_is_asked_for_is_done_and_all_is_said_in_one_line(memory):
    chosen = choose_residency(TrainSettings(residency="stream", workers=3), needing(1), GPU)
    assert (chosen.kind, chosen.workers) == ("stream", 3)
    assert "3 worker processes: 1.0 GB; 40.0 GB free on cuda, 100.0 GB free on the host" in str(chosen)
    assert "resident on the host: 1.0 GB" in str(choose_residency(TrainSettings(), needing(1), CPU))
    with pytest.raises(ParameterError, match="for a GPU"):
        choose_residency(TrainSettings(residency="pinned"), needing(1), CPU)


def test_free_memory_is_known_here_and_a_containers_limit_counts(tmp_path, monkeypatch):
    assert residency.free_host_bytes() > 10**8
    monkeypatch.setattr(residency, "_CGROUP", tmp_path)
    (tmp_path / "memory.stat").write_text("anon 3000000\nfile 99\n")
    (tmp_path / "memory.max").write_text("5000000\n")
    assert residency.free_host_bytes() == 2_000_000
    (tmp_path / "memory.max").write_text("max\n")
    assert residency.free_host_bytes() > 10**8
