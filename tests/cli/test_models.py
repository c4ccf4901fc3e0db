import tomllib

from click.testing import CliRunner

from featurekit.cli import main


def run(*arguments, code=0):
    result = CliRunner().invoke(main, [str(item) for item in arguments])
    assert result.exit_code == code, (result.output, result.exception)
    return result.output


def test_explain_prints_the_papers_recipe_as_a_run_file_that_train_takes(tmp_path, tiny_store):
    text = run("explain", "ub-bilstm", "--toml")
    assert tomllib.loads(text)["training"]["batch_size"] == 30
    path = tmp_path / "run.toml"
    path.write_text(text)
    options = ("--store", tiny_store, "--features", "rms", "--epochs", 1, "-o", tmp_path / "runs")
    assert "ub-bilstm" in run("train", path, *options)


def test_explain_shows_layers_inputs_and_parameters_of_a_model():
    page = run("explain", "ub-lstm")
    assert "reads: frames; context: 3; features: luo2019-best4" in page
    assert "parameters: " in page


def test_only_a_model_has_a_run_file():
    assert "unknown model 'mfcc'" in run("explain", "mfcc", "--toml", code=2)


def test_train_with_a_store_and_a_model_asks_for_the_papers_columns(tmp_path, tiny_store, monkeypatch):
    monkeypatch.delenv("FEATUREKIT_CORPORA", raising=False)
    said = run("train", tiny_store, "--model", "ub-bilstm", "-o", tmp_path, code=2)
    assert "no column luo2019-best4/mfcc" in said
    assert "featurekit extract --corpus demo --root DIR --features luo2019-best4" in said
