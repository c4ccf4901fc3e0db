import json

import numpy as np
import pytest
from click.testing import CliRunner

from featurekit.cli import main
from featurekit.experiments import Run, RunSettings


@pytest.fixture(scope="module")
def finished(tiny_store, tmp_path_factory):
    settings = RunSettings(str(tiny_store), "mlp-pool", "rms", training={"epochs": 1, "device": "cpu"})
    return Run(settings, runs=tmp_path_factory.mktemp("runs")).execute().folder


def run(*arguments, code=0, **how):
    result = CliRunner().invoke(main, [str(item) for item in arguments], **how)
    assert result.exit_code == code, (result.output, result.exception)
    return result.output


def test_a_folder_is_one_json_line_a_file(finished, tiny_corpus):
    lines = [json.loads(line) for line in run("predict", finished, tiny_corpus, "--json").splitlines()]
    assert len(lines) == len(list(tiny_corpus.rglob("*.flac")))
    assert {line["utterance"] for line in lines} == {"file"}
    assert all(sum(line["probabilities"].values()) == pytest.approx(1) for line in lines)
    assert "positive " in run("predict", finished, lines[0]["path"])


def test_a_broken_file_is_a_line_with_an_error_and_status_one(finished, tiny_corpus, tmp_path):
    (tmp_path / "bad.wav").write_bytes(b"RIFF")
    good = next(iter(sorted(tiny_corpus.rglob("*.flac"))))
    lines = run("predict", finished, tmp_path, good, "--json", code=1).splitlines()
    assert [("error" in json.loads(line), "predicted" in json.loads(line)) for line in lines] == [(True, False), (False, True)]


def test_a_stream_is_a_line_a_chunk(finished):
    samples = (3000 * np.random.default_rng(0).standard_normal(40000)).astype("<i2").tobytes()
    how = ["predict", finished, "-", "--rate", 16000, "--chunk", 1.0]
    lines = [json.loads(line) for line in run(*how, "--json", input=samples).splitlines()]
    assert [(line["utterance"], line["start_s"], line["end_s"]) for line in lines] == [
        ("chunk 1", 0.0, 1.0),
        ("chunk 2", 1.0, 2.0),
        ("chunk 3", 2.0, 2.5),
    ]
    assert "chunk 3 (2.00 to 2.50 s): " in run(*how, input=samples)
    assert "middle of a sample" in run(*how, input=samples + b"\0", code=1)


def test_wrong_use_of_a_stream_is_one_sentence(finished):
    assert "needs its rate" in run("predict", finished, "-", code=2, input=b"")
    assert "ended before its first sample" in run("predict", finished, "-", "--rate", 16000, code=2, input=b"")
    assert "--rate is 7" in run("predict", finished, "-", "--rate", 7, code=2, input=b"\0\0")
