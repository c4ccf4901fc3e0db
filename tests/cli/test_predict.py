import json

import numpy as np
import pytest
from click.testing import CliRunner

from featurekit import inference
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


def test_scores_are_not_sold_as_probabilities(tiny_store, tiny_corpus, tmp_path):
    pytest.importorskip("sklearn")
    folder = Run(RunSettings(str(tiny_store), "svm", "rms"), runs=tmp_path).execute().folder
    path = next(tiny_corpus.rglob("*.flac"))
    line = json.loads(run("predict", folder, path, "--json"))
    assert (line["probabilities"], line["predicted"]) == ({}, max(line["scores"], key=line["scores"].get))
    assert "scores, not probabilities" in run("predict", folder, path)
    assert "no ECE: the model orders classes by won comparisons" in run("evaluate", folder)


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


def test_a_stream_that_a_person_ends_keeps_its_lines(finished, monkeypatch):
    def ended(*arguments, **how):
        yield inference.Refused("-", "chunk 1", "EMPTY: nothing", 0.0, 1.0)
        raise KeyboardInterrupt

    monkeypatch.setattr(inference, "judge_stream", ended)
    said = run("predict", finished, "-", "--rate", 16000, code=130, input=b"")
    assert "chunk 1 (0.00 to 1.00 s): EMPTY: nothing" in said
    assert "what was judged is above" in said


def test_wrong_use_of_a_stream_is_one_sentence(finished):
    assert "needs its rate" in run("predict", finished, "-", code=2, input=b"")
    assert "ended before its first sample" in run("predict", finished, "-", "--rate", 16000, code=2, input=b"")
    assert "--rate is 7" in run("predict", finished, "-", "--rate", 7, code=2, input=b"\0\0")
    assert "--chunk is 0" in run("predict", finished, "-", "--rate", 16000, "--chunk", 0, code=2, input=b"\0\0")


@pytest.mark.parametrize("of_a_stream", [("--chunk", 2), ("--rate", 16000), ("--encoding", "f32le")])
def test_a_file_is_not_silently_judged_whole_where_chunks_were_asked_for(finished, tiny_corpus, of_a_stream):
    assert "a file is one utterance" in run("predict", finished, next(tiny_corpus.rglob("*.flac")), *of_a_stream, code=2)
