"""The wheel and the archive of sources, built as they would be published, and true environments made of the wheel."""

import json
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.ci
ROOT = Path(__file__).parents[2]


def shell(*command, **options):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False, **options)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def tracked():
    return shell("git", "ls-files", cwd=ROOT).split()


@pytest.fixture(scope="module")
def archives(tmp_path_factory):
    """The two files that `python -m build` makes of what git tracks: the sources, and of these the wheel."""
    folder = tmp_path_factory.mktemp("dist")
    sources = folder / "sources"
    for name in tracked():
        copy = sources / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes((ROOT / name).read_bytes())
    shell(sys.executable, "-m", "venv", folder / "builder")
    python = folder / "builder" / "bin" / "python"
    shell(python, "-m", "pip", "install", "--quiet", "build")
    shell(python, "-m", "build", "--outdir", folder, sources)
    return next(folder.glob("*.tar.gz")), next(folder.glob("*.whl"))


def environment(folder, archive, extra=""):
    """A virtual environment with the wheel in it, at the versions of constraints.txt."""
    shell(sys.executable, "-m", "venv", folder)
    python = folder / "bin" / "python"
    shell(python, "-m", "pip", "install", "--quiet", "--constraint", ROOT / "constraints.txt", f"{archive}{extra}")
    return python


@pytest.fixture(scope="module")
def core(archives, tmp_path_factory):
    return environment(tmp_path_factory.mktemp("core") / "venv", archives[1])


@pytest.fixture(scope="module")
def training(archives, tmp_path_factory):
    return environment(tmp_path_factory.mktemp("train") / "venv", archives[1], "[train]")


def synthesised(python, folder, speakers):
    """The embedded corpus in ``folder``, made by the package of that environment."""
    code = f"from featurekit.corpora import demo; demo.synthesise('demo', speakers={speakers}, recordings_per_speaker=1)"
    shell(python, "-c", code, cwd=folder)


def featurekit(python, *arguments, code=0, cwd):
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [str(python.parent / "featurekit"), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd, env=environ)
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout if code == 0 else done.stderr


def test_the_wheel_holds_the_package_its_data_and_the_pipelines(archives):
    inside = set(zipfile.ZipFile(archives[1]).namelist())
    wanted = {name for name in tracked() if name.startswith("featurekit/")}
    wanted |= {f"featurekit/{name}" for name in tracked() if name.startswith("pipelines/")}
    assert wanted - inside == set()
    assert {"featurekit/py.typed", "featurekit/models/facts.json"} <= inside
    assert {name.split("/")[0].split("-")[0] for name in inside} == {"featurekit"}  # no tests beside the package


def test_the_archive_of_sources_holds_what_git_tracks(archives):
    with tarfile.open(archives[0]) as archive:
        inside = {name.partition("/")[2] for name in archive.getnames()}
    wanted = {name for name in tracked() if name.startswith(("featurekit/", "tests/", "docs/", "pipelines/", "manifests/"))}
    assert wanted - inside == set()
    assert {"Makefile", "constraints.txt", "README.md", "LICENSE", "setup.py", "pyproject.toml"} <= inside


def test_all_is_free_of_development_tools_and_of_the_gpl(archives):
    wheel = zipfile.ZipFile(archives[1])
    metadata = wheel.read(next(name for name in wheel.namelist() if name.endswith("METADATA"))).decode()
    required = [line for line in metadata.splitlines() if line.startswith("Requires-Dist") and '"all"' in line]
    assert len(required) == 1
    assert all(word not in required[0] for word in ("pytest", "parselmouth", "opensmile", "dev"))


def test_the_core_alone_extracts_lists_and_says_what_the_rest_needs(core, tmp_path):
    shell(core, "-c", "import importlib.util as u; raise SystemExit(any(map(u.find_spec, ['torch', 'matplotlib', 'pytest'])))")
    synthesised(core, tmp_path, speakers=2)
    said = featurekit(core, "extract", "--corpus", "demo", "--root", "demo", "--features", "rms,mfcc", cwd=tmp_path)
    assert "failed: none" in said
    assert len(json.loads(featurekit(core, "list", "models", "--json", cwd=tmp_path))) > 40
    assert "parameters: 292,195" in featurekit(core, "explain", "ub-bilstm", cwd=tmp_path)
    assert "ravdess-resnet18" in featurekit(core, "list", "pipelines", cwd=tmp_path)
    needs = featurekit(core, "train", "cache/demo", "--model", "logistic", code=2, cwd=tmp_path)
    assert "train needs torch: pip install 'featurekit[train]'" in needs


def test_the_command_that_installs_what_is_missing_finds_featurekit_installed(core, tmp_path):
    said = shell(core, "-m", "pip", "install", "--dry-run", "--no-deps", "featurekit[train]", cwd=tmp_path)
    assert "Requirement already satisfied: featurekit[train]" in said


def test_without_matplotlib_a_pipeline_is_trained_by_its_bare_name_and_evaluated(training, tmp_path):
    shell(training, "-c", "import importlib.util; raise SystemExit(importlib.util.find_spec('matplotlib') is not None)")
    synthesised(training, tmp_path, speakers=6)
    columns = "log_mel(hop_length=512),rms"
    featurekit(training, "extract", "--corpus", "demo", "--root", "demo", "--features", columns, cwd=tmp_path)
    own = ("--split", "speaker-disjoint", "--task", "sentiment3", "--epochs", 1, "--device", "cpu")
    said = featurekit(training, "train", "ravdess-resnet18", "--store", "cache/demo", *own, cwd=tmp_path)
    assert "UA " in said
    run = next(path for path in (tmp_path / "cache" / "runs").iterdir() if path.is_dir())
    assert "\nclass " in featurekit(training, "evaluate", run, cwd=tmp_path)
    utterance = json.loads(
        featurekit(training, "predict", run, next((tmp_path / "demo").rglob("*.flac")), "--json", cwd=tmp_path)
    )
    assert utterance["probabilities"]
