import tomllib

import pytest
from click.testing import CliRunner

from featurekit.cli import main
from featurekit.experiments import pipelines
from featurekit.models import MODELS


def run(*arguments, code=0):
    result = CliRunner().invoke(main, [str(item) for item in arguments])
    assert result.exit_code == code, (result.output, result.exception)
    return result.output


def test_explain_prints_the_papers_recipe_as_a_run_file_that_train_takes(tmp_path, tiny_store):
    text = run("explain", "ub-bilstm", "--toml")
    said = tomllib.loads(text)
    assert said["training"]["batch_size"] == 30
    assert (said["store"], said["split"], said["task"]) == ("cache/mosi", "mosi-luo2019", "sentiment2")
    path = tmp_path / "run.toml"
    path.write_text(text)
    of_another_corpus = ("--store", tiny_store, "--features", "rms", "--split", "speaker-disjoint")
    options = (*of_another_corpus, "--epochs", 1, "-o", tmp_path / "runs")
    assert "ub-bilstm" in run("train", path, *options)


def test_explain_shows_layers_inputs_and_parameters_of_a_model():
    page = run("explain", "ub-lstm")
    assert "reads: frames; context: 3; features: luo2019-best4" in page
    assert "parameters: " in page


@pytest.mark.parametrize("name", MODELS.names())
def test_explain_prints_the_file_of_the_pipelines_that_is_called_after_the_model(name):
    (path,) = pipelines.folder().glob(f"*/{name}.toml")
    assert run("explain", name, "--toml") == path.read_text("utf-8")


def test_explain_prints_the_file_of_a_pipeline():
    text = run("explain", "luo2019/aff-acrnn-mosi-to-moud", "--toml")
    assert text == pipelines.text("luo2019/aff-acrnn-mosi-to-moud")


def test_a_model_of_a_plugin_has_the_run_file_of_its_registration(monkeypatch):
    monkeypatch.setattr(pipelines, "of_model", lambda model: None)
    assert tomllib.loads(run("explain", "ub-bilstm", "--toml"))["store"] == "cache/NAME"


def test_only_a_model_or_a_pipeline_has_a_run_file():
    assert "unknown model 'mfcc'" in run("explain", "mfcc", "--toml", code=2)


@pytest.mark.parametrize(("thing", "near"), [("luo2019", "luo2019/"), ("luo2019/ub-bilstn", "luo2019/ub-bilstm")])
def test_a_misspelt_run_file_is_told_those_of_its_folder(thing, near, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert f"unknown run file '{thing}'; did you mean {near}" in run("train", thing, code=2)


def test_train_with_a_store_and_a_model_asks_for_the_papers_columns(tmp_path, tiny_store, monkeypatch):
    monkeypatch.delenv("FEATUREKIT_CORPORA", raising=False)
    said = run("train", tiny_store, "--model", "ub-bilstm", "-o", tmp_path, code=2)
    assert "no column luo2019-best4/mfcc" in said
    assert "featurekit extract --corpus demo --root DIR --features luo2019-best4" in said
