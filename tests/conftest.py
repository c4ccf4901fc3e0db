"""What several rooms' tests share: a tiny synthetic corpus and its store, a store of made-up numbers, real corpora."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# One thread in each process that tests, and in what it starts: the processes of `make test` share the cores already.
# It counts only before numpy, numba and torch are imported.
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(variable, "1")
os.environ.pop("COLUMNS", None)  # the width of the terminal of who tests, which xdist hands on
os.unsetenv("COLUMNS")  # readline, which pytest imports, sets it for child processes and not for this one

from featurekit import corpora, extraction  # noqa: E402
from featurekit.corpora import demo  # noqa: E402
from featurekit.features import cuda  # noqa: E402

TINY = "rms,spectral_centroid,mel(n_mels=32)"

# How long an example takes, or the making of one, says something of the machine alone.
settings.register_profile("featurekit", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("featurekit")


# What depends on the processor's instructions, by how a test's name begins: what numba compiles for them, and bf16, which
# oneDNN has for some layers only with AVX-512. `make ci` runs these once more as an older processor would.
ON_THE_PROCESSOR = (
    "tests/features/",
    "tests/devices/",
    "tests/contracts/test_models.py::test_half_precision",
    "tests/training/test_devices.py",
    "tests/training/test_loop.py",
    "tests/training/test_resume.py",
)


def pytest_collection_modifyitems(items):
    for item in items:
        if item.nodeid.startswith(ON_THE_PROCESSOR):
            item.add_marker(pytest.mark.cpu)


# CI has what a test needs: programs, packages. It has no real speech, no weights, no GPU, and may be root; and opensmile's
# licence does not permit everybody to install it.
MISSING = re.compile(r"could not import '(?!opensmile)|not installed|pip install|apt-get|no program")


def refuse_to_skip(report):
    """Make the report of a test that was skipped in CI for want of a program or a package that of a failure."""
    if os.environ.get("CI") and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        if MISSING.search(reason):
            report.outcome = "failed"
            report.longrepr = f"{report.nodeid} may not be skipped in CI. {reason}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item):
    return refuse_to_skip((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector):
    return refuse_to_skip((yield))


@pytest.fixture(scope="session", autouse=True)
def _extraction_on_the_cpu():
    """Stores that tests build are the CPU's, also on a machine with a GPU; the tests of the GPU's path say otherwise."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cuda, "ready", lambda **asked: cuda.DEVICE == "cpu")
        yield


@pytest.fixture(scope="session")
def tiny_corpus(tmp_path_factory):
    """Root of a demo corpus of 6 speakers, 2 recordings each, 3 utterances a recording."""
    for name in ("soundfile", "soxr", "librosa"):  # a machine that only trains has none of them
        pytest.importorskip(name)
    root = tmp_path_factory.mktemp("corpora") / "demo"
    return demo.synthesise(root, speakers=6, recordings_per_speaker=2, utterances_per_recording=3)


@pytest.fixture(scope="session")
def tiny_manifest(tiny_corpus):
    return corpora.read_corpus("demo", tiny_corpus)


@pytest.fixture(scope="session")
def tiny_store(tiny_corpus, tiny_manifest, tmp_path_factory):
    """Path of a store of the tiny corpus; tests that change a store copy it first."""
    out = tmp_path_factory.mktemp("stores") / "demo"
    extraction.build_store(tiny_manifest, root=tiny_corpus, out=out, columns=TINY, corpus="demo", backend="serial")
    return out


@pytest.fixture(scope="session")
def real_corpora():
    """Folder of real corpora; tests that ask for it skip where there is none."""
    folder = Path(os.environ.get("FEATUREKIT_TEST_CORPORA", Path(__file__).parents[2] / "shared" / "corpora"))
    if not folder.is_dir():
        pytest.skip("no real corpora here: set FEATUREKIT_TEST_CORPORA")
    return folder


@pytest.fixture(scope="session")
def ffmpeg():
    """Run ffmpeg with arguments and return its standard output as bytes; tests that ask for it skip where it is missing.

    An error of it fails the test with what it says: ``ffmpeg("-i", wav, "-c:a", "aac", m4a)``.
    """
    program = shutil.which("ffmpeg")
    if program is None:
        pytest.skip("the program ffmpeg is not installed")

    def run(*arguments):
        command = [program, "-nostdin", "-v", "error", "-y", *arguments]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True)
        assert done.returncode == 0, f"{command}: {done.stderr.decode(errors='replace')}"
        return done.stdout

    return run


@pytest.fixture
def without_ffmpeg(tmp_path_factory, monkeypatch):
    """A PATH without ffmpeg, with what counts this machine's cores."""
    folder = tmp_path_factory.mktemp("programs")
    for name in ("cat", "lscpu", "sh"):
        if found := shutil.which(name):
            (folder / name).symlink_to(found)
    monkeypatch.setenv("PATH", str(folder))


@pytest.fixture(scope="session")
def making():
    """The module tests/store/making.py, which is also a script for child processes."""
    if "making" not in sys.modules:
        spec = importlib.util.spec_from_file_location("making", Path(__file__).parent / "store" / "making.py")
        sys.modules["making"] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules["making"])
    return sys.modules["making"]


@pytest.fixture(scope="session")
def template(making, tmp_path_factory):
    path = tmp_path_factory.mktemp("template") / "store"
    making.fill(path)
    return path


@pytest.fixture
def filled(template, tmp_path):
    """A store of 8 utterances in 3 shards with 3 columns and an index; yours to break."""
    return Path(shutil.copytree(template, tmp_path / "store"))
