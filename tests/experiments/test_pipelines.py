"""Run files are found by bare name from any folder, and a local file wins."""

import pytest

from featurekit.errors import UnknownNameError
from featurekit.experiments import pipelines


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("given", ["hmm", "hmm.toml", "luo2019/hmm", "luo2019/hmm.toml", "pipelines/luo2019/hmm.toml"])
def test_a_pipeline_is_found_from_any_folder(given):
    assert pipelines.find(given) == pipelines.folder() / "luo2019" / "hmm.toml"
    assert pipelines.find(given).is_file()


@pytest.mark.parametrize("given", ["hmm", "hmm.toml"])
def test_a_local_file_wins(given, tmp_path):
    (tmp_path / "hmm.toml").write_text("")
    assert pipelines.find(given).absolute() == tmp_path / "hmm.toml"


def test_a_file_in_another_folder_does_not_stand_for_a_pipeline():
    with pytest.raises(UnknownNameError, match="unknown run file"):
        pipelines.find("other/hmm.toml")


def test_a_name_that_is_nowhere_suggests_the_closest():
    with pytest.raises(UnknownNameError, match="did you mean ours/ravdess-resnet18"):
        pipelines.find("ravdess-resnet1")


def test_the_last_part_of_a_name_is_enough():
    last = [name.rpartition("/")[2] for name in pipelines.names()]
    assert len(set(last)) == len(last)


def test_a_models_own_file_is_called_after_it():
    assert pipelines.of_model("ub-lstm") == "luo2019/ub-lstm"
    assert pipelines.of_model("a-plugins") is None


def test_each_says_in_a_sentence_what_it_trains():
    assert len(pipelines.names()) >= 70
    for name in pipelines.names():
        assert pipelines.describe(name).endswith(".")
