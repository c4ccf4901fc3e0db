import json
import shutil

import pytest
from click.testing import CliRunner

from featurekit.cli import main
from featurekit.experiments import Run, RunSettings


@pytest.fixture
def store(tiny_store, tmp_path):
    return shutil.copytree(tiny_store, tmp_path / "store")


@pytest.fixture(scope="module")
def finished(tiny_store, tmp_path_factory):
    settings = RunSettings(str(tiny_store), "ub-lstm", "rms", training={"epochs": 1, "device": "cpu"})
    return Run(settings, runs=tmp_path_factory.mktemp("runs")).execute().folder


def run(*arguments, code=0):
    result = CliRunner().invoke(main, [str(item) for item in arguments])
    assert result.exit_code == code, (result.output, result.exception)
    return result.output


def test_an_embedding_is_written_listed_verified_and_dropped(finished, store):
    said = run("embed", finished, store)
    assert f"{finished.name}/embedding" in said
    assert "no run may test on these" in said
    again = json.loads(run("embed", finished, store, "--json"))
    assert (again["computed"], again["columns"]) == (0, [f"{finished.name}/embedding"])
    assert f"{finished.name}/embedding" in run("store", "info", store)
    run("store", "verify", store)
    run("store", "drop", store, f"{finished.name}/embedding")
    assert f"{finished.name}/embedding" not in run("store", "info", store)


def test_a_later_run_finds_it_by_name_and_is_refused_where_it_knows_the_test(finished, store, tmp_path):
    run("embed", finished, store)
    how = ["--features", f"{finished.name}/embedding", "--device", "cpu", "--epochs", 1, "-o", tmp_path / "runs"]
    assert "run: " in run("train", store, "--model", "mlp-pool", *how)
    assert "was trained on" in run("train", store, "--model", "mlp-pool", "--split", "loso", *how, code=2)


def test_nonsense_is_one_sentence(finished, store, tmp_path):
    assert "takes a run's folder" in run("embed", tmp_path, store, code=2)
    assert "there is nothing at" in run("embed", finished, tmp_path / "nowhere", code=2)
    assert "unknown fold" in run("embed", finished, store, "--fold", "nobody", code=2)
