"""A model of transcripts by its name: trained, gone on with, evaluated, and applied to a manifest; no audio is read."""

import json
import shutil

import numpy as np
import pytest
from click.testing import CliRunner

from featurekit.cli import main
from featurekit.data.words import vocabulary
from featurekit.errors import ParameterError
from featurekit.experiments import Run, RunSettings
from featurekit.experiments import fold as one_fold
from featurekit.inference import Predictor
from featurekit.inference.embedding import embed
from featurekit.manifest import Manifest, Utterance
from featurekit.runs import StoredRun
from featurekit.store import open_store

pytest.importorskip("sklearn")

SAID = {"joy": "qué buena película {}", "anger": "no me gusta {}"}


def utterances(silent=()):
    """Four speakers of six utterances, which say how they feel; some are without a word."""
    found = []
    for number in range(24):
        label = "joy" if number % 2 else "anger"
        text = "..." if number in silent else SAID[label].format(f"palabra{number}")
        found.append(
            Utterance(
                f"u{number:02}",
                f"{number}.wav",
                speaker=f"s{number // 6}",
                labels={"emotion": label},
                text=text,
                fingerprint=f"{number:064}",
            )
        )
    return found


@pytest.fixture(scope="module")
def stored(making, tmp_path_factory):
    path = tmp_path_factory.mktemp("said") / "store"
    return making.vectors(path, utterances(silent=(3,)), [np.ones(3)] * 24)


def settings(path, model="svm-text", **changes):
    return RunSettings(store=str(path), model=model, split="speaker-kfold(k=2)", task="emotion", **changes)


@pytest.mark.parametrize("model", ["svm-text", "naive-bayes-text"])
def test_it_learns_from_words_alone_and_says_who_has_none(stored, tmp_path, model):
    run = Run(settings(stored, model), runs=tmp_path)
    assert run.columns == []
    assert "1 of 24 utterances have no transcript, they are left out: u03" in run.notes
    result = run.execute()
    assert result.metrics["n"] == 23
    assert result.metrics["pooled"]["accuracy"] == 1.0
    for number, fold in enumerate(run.split.folds):
        words = json.loads((run.folder / "folds" / str(number) / "vocabulary.json").read_text("utf-8"))
        texts = [run.store.manifest[name].text for name in fold.train]
        assert words == vocabulary(texts)  # of the training part alone
        assert not {f"palabra{int(name[1:])}" for name in fold.test} & words.keys()
    assert not list(run.folder.rglob("*.pkl"))


def test_other_texts_are_another_run_and_the_same_ones_the_same(stored, making, tmp_path):
    first = Run(settings(stored), runs=tmp_path)
    same = making.vectors(tmp_path / "same", utterances(silent=(3,)), [np.ones(3)] * 24)
    assert Run(settings(same), runs=tmp_path).digest == first.digest
    other = utterances(silent=(3,))
    other[0] = Utterance("u00", "0.wav", speaker="s0", labels={"emotion": "anger"}, text="otra", fingerprint=f"{0:064}")
    changed = making.vectors(tmp_path / "changed", other, [np.ones(3)] * 24)
    assert Run(settings(changed), runs=tmp_path).digest != first.digest


def test_a_killed_run_goes_on(stored, tmp_path, monkeypatch):
    run = Run(settings(stored), runs=tmp_path)
    run.begin()
    one_fold.train_fold(run, 0)
    assert run.pending == [1]
    result = Run.goes_on(run.folder)
    assert result.metrics["n"] == 23


def test_a_corpus_without_texts_is_refused_and_so_are_columns(making, stored, tmp_path):
    silent = making.vectors(tmp_path / "silent", utterances(silent=range(24)), [np.ones(3)] * 24)
    with pytest.raises(ParameterError, match=r"svm-text reads transcripts, and no utterance of .* has one"):
        Run(settings(silent), runs=tmp_path)
    with pytest.raises(ParameterError, match=r"svm-text reads transcripts alone, .*: leave out --features voice"):
        Run(settings(stored, features="voice"), runs=tmp_path)


def test_a_store_gets_what_the_run_says_of_each_utterance(stored, tmp_path):
    run = Run(settings(stored, "naive-bayes-text"), runs=tmp_path / "runs")
    run.execute()
    copy = tmp_path / "copy"
    shutil.copytree(stored, copy)
    embed(run.folder, copy, what="logits")
    opened = open_store(copy)
    column = next(name for name in opened.columns if name.endswith("/logits"))
    assert [name for name, bad in zip(opened.ids, opened.status(column), strict=True) if bad] == ["u03"]
    for number in range(2):
        for row in (one.to_dict() for one in StoredRun(run.folder).fold(number).predictions):
            logits = np.asarray(opened.read(column, opened.manifest.index(row["id"]))).ravel().astype(float)
            np.testing.assert_allclose(np.exp(logits) / np.exp(logits).sum(), row["probabilities"], atol=1e-6)


def test_a_manifest_is_judged_by_the_command_and_audio_is_refused(stored, tmp_path):
    said = [["train", str(stored), "--model", "svm-text", "--split", "speaker-kfold(k=2)", "-o", str(tmp_path / "runs")]]
    trained = CliRunner().invoke(main, said[0], catch_exceptions=False)
    assert trained.exit_code == 0, trained.output
    assert "data   " in trained.output
    assert ": transcripts" in trained.output
    (run,) = (path for path in (tmp_path / "runs").iterdir() if path.is_dir())
    new = [
        Utterance("n1", "gone.wav", text="qué buena"),
        Utterance("n2", "gone.wav", text=""),
        Utterance("n3", "gone.wav", text="no me gusta"),
    ]
    Manifest(new).write(tmp_path / "new.jsonl")
    found = CliRunner().invoke(main, ["predict", str(run), str(tmp_path / "new.jsonl"), "--json"], catch_exceptions=False)
    assert found.exit_code == 1  # one of them cannot be judged
    rows = [json.loads(line) for line in found.stdout.splitlines()]
    assert [row.get("predicted") for row in rows] == ["joy", None, "anger"]
    assert rows[1]["error"] == "it has no transcript: no word in its text"
    assert rows[0]["probabilities"] == {}  # margins of a machine are no probabilities
    assert set(rows[0]["scores"]) == {"joy", "anger"}
    table = CliRunner().invoke(main, ["predict", str(run), str(tmp_path / "new.jsonl"), "-o", str(tmp_path / "out.csv")])
    assert table.exit_code == 1
    assert (tmp_path / "out.csv").read_text().count("\n") == 4
    lines = CliRunner().invoke(main, ["predict", str(run), str(tmp_path / "new.jsonl")])
    assert "n2 (0.00 to 0.00 s): it has no transcript" in lines.output
    dry = CliRunner().invoke(main, ["predict", str(run), str(tmp_path / "new.jsonl"), "--dry-run"])
    assert "would read 3 utterances" in dry.output
    of_store = CliRunner().invoke(main, ["predict", str(run), str(stored), "--json"], catch_exceptions=False)
    assert len(of_store.stdout.splitlines()) == 24
    shown = CliRunner().invoke(main, ["show", str(run)], catch_exceptions=False)
    assert "svm-text on planted: transcripts" in shown.output
    refused = CliRunner().invoke(main, ["predict", str(run), str(tmp_path)])
    assert refused.exit_code != 0
    assert "predict with a run that reads transcripts takes a manifest" in refused.output
    with pytest.raises(ParameterError, match=r"svm-text reads transcripts alone: name a manifest that has texts"):
        Predictor(run)
    scored = CliRunner().invoke(main, ["evaluate", str(run)], catch_exceptions=False)
    assert scored.exit_code == 0
    assert "UA" in scored.output


@pytest.mark.parametrize(
    "changes", [{"training": {"n_frames": 20}}, {"training": {"normalise": "none"}}, {"augment": ["mixup"]}]
)
def test_what_is_done_with_frames_is_refused_where_only_transcripts_are_read(stored, tmp_path, changes):
    with pytest.raises(ParameterError, match=r"svm-text reads transcripts alone, and .* would change nothing: leave it out"):
        Run(settings(stored, **changes), runs=tmp_path)
