import csv
import json
import os
import shutil
import textwrap
import warnings

import numpy as np
import pytest
from click.testing import CliRunner

from featurekit import features, inference
from featurekit.cli import main
from featurekit.experiments import Run, RunSettings
from featurekit.features.kernels.cache import njit
from tests.runs.making import rewrite


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


def test_a_table_has_a_row_per_file_and_all_classes(finished, tiny_corpus, tmp_path):
    (tmp_path / "bad.wav").write_bytes(b"RIFF")
    good = sorted(tiny_corpus.rglob("*.flac"))[:2]
    said = run("predict", finished, *good, tmp_path / "bad.wav", "-o", tmp_path / "out" / "p.csv", code=1)
    assert "3 utterances → " in said
    assert "1 of them with an error" in said
    with (tmp_path / "out" / "p.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["path"] for row in rows] == [*map(str, good), str(tmp_path / "bad.wav")]
    assert [bool(row["error"]) for row in rows] == [False, False, True]
    assert sum(float(rows[0][name]) for name in ("negative", "neutral", "positive")) == pytest.approx(1, abs=1e-5)
    run("predict", finished, *good, "-o", tmp_path / "p.jsonl")
    lines = [json.loads(line) for line in (tmp_path / "p.jsonl").read_text().splitlines()]
    assert [line["predicted"] for line in lines] == [row["predicted"] for row in rows[:2]]
    assert "FILE.csv or FILE.jsonl" in run("predict", finished, *good, "-o", tmp_path / "p.txt", code=2)


def test_a_name_that_is_not_utf8_is_valid_json_and_spoils_no_table(finished, tiny_corpus, tmp_path):
    odd = os.fsencode(tmp_path / "caf") + b"\xe9.flac"
    shutil.copy(next(tiny_corpus.rglob("*.flac")), odd)
    printed = run("predict", finished, tmp_path, "--json")
    run("predict", finished, tmp_path, "-o", tmp_path / "p.jsonl")
    for text in (printed, (tmp_path / "p.jsonl").read_text("utf-8")):
        assert os.fsencode(json.loads(text)["path"]) == odd
    run("predict", finished, tmp_path, "-o", tmp_path / "p.csv")
    assert "caf\\udce9.flac" in (tmp_path / "p.csv").read_text("utf-8")
    assert run("predict", finished, tmp_path).count("positive ") == 1


def test_what_a_mac_leaves_beside_files_is_passed_over_in_a_folder(finished, tiny_corpus, tmp_path):
    good = next(tiny_corpus.rglob("*.flac"))
    root = tmp_path / ".hidden" / "recordings"  # the folder that is named may be hidden itself
    (root / "__MACOSX").mkdir(parents=True)
    shutil.copy(good, root / "a.flac")
    for twin in ("._a.flac", "__MACOSX/a.flac"):
        (root / twin).write_bytes(bytes(100))
    (line,) = [json.loads(line) for line in run("predict", finished, root, "--json").splitlines()]
    assert line["path"] == str(root / "a.flac")


def test_a_dry_run_counts_files_and_reads_none(finished, tiny_corpus, tmp_path):
    said = run("predict", finished, tiny_corpus, "-o", tmp_path / "p.csv", "--dry-run")
    assert f"would read {len(list(tiny_corpus.rglob('*.flac')))} files → " in said
    assert not (tmp_path / "p.csv").exists()


def test_what_a_low_sample_rate_means_is_said_once_at_the_end(finished, tmp_path):
    soundfile = pytest.importorskip("soundfile")
    noise = 0.1 * np.random.default_rng(0).standard_normal(8000)
    files = [tmp_path / f"{number}.wav" for number in range(2)]
    for file in files:
        soundfile.write(file, noise, 8000)
    result = CliRunner().invoke(main, ["predict", str(finished), *map(str, files)])
    *_, last = result.stderr.splitlines()
    assert last == (
        "note: the files have 8 kHz, the features want 16 kHz: bands above 4 kHz are empty, "
        "harmless if the run's own corpus had no more"
    )
    assert "RATE" not in result.output
    soundfile.write(files[0], noise, 16000)
    assert "note: 1 of 2 files have 8 kHz, the others more" in run("predict", finished, *files)
    samples = (3000 * noise).astype("<i2").tobytes()
    said = run("predict", finished, "-", "--rate", 8000, "--chunk", 0.5, input=samples)
    assert said.count("have 8 kHz, the features want 16 kHz") == 1


def test_kernels_are_not_compiled_in_silence(finished, tiny_corpus, monkeypatch):
    file = next(tiny_corpus.rglob("*.flac"))
    assert "compil" not in run("predict", finished, file)
    monkeypatch.setattr(features, "warm_up", lambda columns: njit(lambda value: value + 1)(1))
    said = CliRunner().invoke(main, ["predict", str(finished), str(file)]).stderr
    assert said == "compiling kernels, once per machine\ncompiled 1 kernel, once per machine\n"


@pytest.mark.parametrize(("ending", "library"), [("onnx", "onnxruntime"), ("pt", "torch")])
def test_what_export_prints_runs(finished, tmp_path, ending, library, capsys):
    pytest.importorskip(library)
    pytest.importorskip("onnxscript")
    said = run("export", finished, "-o", tmp_path / f"model.{ending}")
    assert " kB" in said
    code = textwrap.dedent("\n".join(line for line in said.splitlines() if line.startswith("    ")))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch deprecates its own loader
        exec(code, {})
    assert "['negative', 'neutral', 'positive']" in capsys.readouterr().out


def recordings_of_a_phone(folder, speech):
    """A FLAC, and names of a phone's and a browser's files whose bytes begin as theirs do."""
    folder.mkdir()
    shutil.copy(speech, folder / "a.flac")
    (folder / "b.m4a").write_bytes(b"\0\0\0\x18ftypM4A \0\0\0\0" + bytes(200))
    (folder / "c.webm").write_bytes(b"\x1aE\xdf\xa3\x9fB\x86\x81\x01B\x82\x84webm" + bytes(200))
    (folder / "d.amr").write_bytes(b"#!AMR\n" + bytes(200))
    (folder / "a.mp4").write_bytes(b"\0\0\0\x18ftypisom\0\0\0\0" + bytes(200))  # a.flac is its sound
    return folder


def test_without_ffmpeg_every_file_of_a_folder_has_its_line(finished, tiny_corpus, tmp_path, without_ffmpeg, caplog):
    folder = recordings_of_a_phone(tmp_path / "phone", next(tiny_corpus.rglob("*.flac")))
    output = CliRunner().invoke(main, ["predict", str(finished), str(folder), "--json"]).output
    lines = {json.loads(line)["path"]: json.loads(line) for line in output.splitlines() if line.startswith("{")}
    assert {path.rpartition("/")[2] for path in lines} == {"a.flac", "b.m4a", "c.webm", "d.amr"}
    for path, line in lines.items():
        assert path.endswith(".flac") or "install ffmpeg" in line["error"]
    assert "1 videos in" in caplog.text


def test_a_phone_s_recording_is_predicted_as_the_same_samples_are(finished, tiny_corpus, tmp_path, ffmpeg):
    speech = next(tiny_corpus.rglob("*.flac"))
    ffmpeg("-i", str(speech), "-c:a", "alac", str(tmp_path / "a.m4a"))
    lines = [json.loads(run("predict", finished, path, "--json")) for path in (speech, tmp_path / "a.m4a")]
    assert lines[0]["probabilities"] == lines[1]["probabilities"]
    assert any("decoded by ffmpeg" in note for note in lines[1]["notes"])


def test_a_store_is_no_audio_and_a_runs_own_command_for_it_is_named(finished, tiny_store):
    for verb, what in (("predict", "is a store, and predict takes audio"), ("evaluate", "evaluate takes one thing, a run")):
        said = " ".join(run(verb, finished, tiny_store, code=2).split())
        assert what in said
        assert f"--test-store {tiny_store} --model mlp-pool --features rms" in said


def test_a_run_of_another_precision_is_applied_with_a_note(finished, tiny_corpus, tmp_path):
    path = next(tiny_corpus.rglob("*.flac"))
    assert "trained and tested in" not in run("predict", finished, path)
    copy = tmp_path / "copy"
    shutil.copytree(finished, copy)
    for file in copy.glob("folds/*/model.json"):
        rewrite(file, json.loads(file.read_text()) | {"precision": "bf16"})
    said = " ".join(run("predict", copy, path).split())
    assert "the run was trained and tested in bf16 and is applied in fp32 here" in said
