"""A machine with one GPU, played by the CPU (``pretend.py``), as a fixture."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch


def _load(name: str, path: Path) -> ModuleType:
    if name not in sys.modules:
        spec: Any = importlib.util.spec_from_file_location(name, path)
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


pretend = _load("pretend_gpu", Path(__file__).parent / "pretend.py")
TESTS = Path(__file__).parents[1]
teachable = _load("teachable_store", TESTS / "training" / "conftest.py")
_load("contract_of_models", TESTS / "contracts" / "test_models.py")
encoders = _load("tests_of_encoders", TESTS / "features" / "test_encoders.py")
runs = _load("runs_to_apply", TESTS / "inference" / "conftest.py")
# Fixtures of those rooms.
transformers, tiny, speech, speech_store, finish = (
    encoders.transformers,
    encoders.tiny,
    runs.speech,
    runs.speech_store,
    runs.finish,
)


@pytest.fixture
def gpu() -> Iterator[Any]:
    """The pretended GPU; a test fails too for what only shows at the end."""
    if torch.cuda.is_available():
        pytest.skip("there is a real GPU here: the tests of tests/features/cuda and tests/training use it")
    with pretend.pretended() as machine:
        yield machine
    assert machine.problems == []


@pytest.fixture(scope="session")
def store() -> Any:
    """A store in memory whose frames and images tell the class."""
    return teachable.TeachableStore()


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Small tensors gain nothing from threads."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
