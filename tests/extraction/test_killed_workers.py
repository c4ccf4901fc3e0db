import subprocess
import sys

import pytest

import featurekit as fk

PLUGIN = '''
"""A feature that kills its worker the first time it is computed."""
import os, pathlib, signal
from featurekit.features import feature

FLAG = pathlib.Path({flag!r})


@feature(unit="")
def deadly(rms):
    """Zero, if it comes back at all."""
    if os.environ["PARENT"] != str(os.getpid()) and not FLAG.exists():
        FLAG.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return 0 * rms
'''

# The parent computes the feature too, when it warms the kernels up: only workers are to die.
START = "import os, runpy; os.environ['PARENT'] = str(os.getpid()); runpy.run_module('featurekit', run_name='__main__')"


@pytest.mark.parametrize("backend", ["joblib", "dask"])
def test_a_worker_killed_once_costs_only_its_shard(tiny_corpus, tmp_path, backend):
    flag, plugin, out = tmp_path / "killed", tmp_path / "plugin.py", tmp_path / "store"
    plugin.write_text(PLUGIN.format(flag=str(flag)))
    command = [sys.executable, "-c", START, "--plugin", str(plugin), "extract", "--corpus", "demo", "--root", str(tiny_corpus)]
    command += ["--features", "deadly", "-o", str(out), "--backend", backend, "--jobs", "2"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert flag.exists()
    opened = fk.open_store(out)
    assert len(opened) == 36
    assert not opened.status("deadly").any()
