"""The environment that make builds: everything in it is pinned, and its parts agree."""

import importlib.metadata
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.ci
CONSTRAINTS = Path(__file__).parents[2] / "constraints.txt"
# What an environment is made of, ourselves, and what torch's CUDA build pins by itself.
UNPINNED = re.compile(r"pip|setuptools|wheel|featurekit|triton|nvidia-.*|cuda-.*")


def normalised(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def test_every_installed_package_is_pinned_at_its_version():
    lines = [line.split("==") for line in CONSTRAINTS.read_text(encoding="utf-8").splitlines() if "==" in line]
    pinned = {normalised(name): version for name, version in lines}
    installed = {normalised(found.name): found.version.partition("+")[0] for found in importlib.metadata.distributions()}
    others = {name: version for name, version in installed.items() if not UNPINNED.fullmatch(name)}
    assert {name: version for name, version in others.items() if pinned.get(name) != version} == {}


def test_the_installed_packages_agree():
    done = subprocess.run([sys.executable, "-m", "pip", "check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
