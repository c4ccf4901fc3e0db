import errno
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from featurekit import files
from featurekit.cli import evaluate, main, train, training
from featurekit.cli.progress import duration
from featurekit.data import Fold
from featurekit.errors import ParameterError, UnknownNameError
from featurekit.evaluation import score
from featurekit.experiments import forecast
from featurekit.runs import stored
from featurekit.training import resume
from tests.runs.making import rewrite, seal


@pytest.fixture
def arguments(tiny_store, tmp_path):
    # Short windows and few units: what is tested is what is said of a training, not what it learns.
    small = ["--set", "training.n_frames=20", "--set", "hyper.units1=4", "--set", "hyper.units2=4", "--set", "hyper.units3=4"]
    how = [*small, "--split", "speaker-disjoint", "--device", "cpu", "--epochs", "3", "-o", str(tmp_path / "runs")]
    return ["train", str(tiny_store), "--model", "ub-lstm", "--features", "rms", *how]


def run(*arguments, code=0):
    result = CliRunner().invoke(main, [str(item) for item in arguments])
    assert result.exit_code == code, (result.output, result.exception)
    return result.stdout if "--json" in arguments else result.output


def ctrl_c():
    raise KeyboardInterrupt


def sigterm():
    signal.raise_signal(signal.SIGTERM)


@pytest.fixture
def own_sigterm():
    """A terminated verb ignores SIGTERM until its process ends; this process goes on."""
    yield
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


@pytest.mark.parametrize(("interrupt", "code"), [(ctrl_c, 130), (sigterm, 143)])
def test_an_interrupt_says_the_command_that_goes_on_in_the_middle_of_the_fold(
    arguments, tmp_path, monkeypatch, own_sigterm, interrupt, code
):
    monkeypatch.setattr(resume, "_SHARE", 1.0)
    heard = []

    def interrupted(self, fold, row, epochs):
        heard.append(row["epoch"])
        if heard == [1, 2]:
            interrupt()

    monkeypatch.setattr(training.Lines, "epoch", interrupted)
    said = run(*arguments, code=code)
    folder = next((tmp_path / "runs").iterdir())
    assert f"this goes on from there:\n  featurekit train {folder}\n" in said
    assert "goes on after epoch 2" in run("train", folder)
    assert heard == [1, 2, 3]
    straight = run(*arguments, "-o", tmp_path / "straight", "--json")
    assert json.loads(straight)["pooled"] == json.loads((folder / "metrics.json").read_text())["pooled"]


@pytest.mark.parametrize(
    ("number", "advice"),
    [
        (errno.EROFS, "choose a path on a disk that can be written"),
        (errno.EACCES, "choose another path, or have its owner permit it"),
    ],
)
def test_a_folder_of_runs_that_cannot_be_written_is_one_sentence_with_advice(arguments, tmp_path, monkeypatch, number, advice):
    def refuse(self, *arguments, **how):
        raise OSError(number, os.strerror(number), str(self))

    (tmp_path / "file").touch()
    said = run(*arguments, "-o", tmp_path / "file", code=1)
    assert "file is where a folder is needed; choose another path" in said.splitlines()[-1]
    monkeypatch.setattr(Path, "mkdir", refuse)
    assert run(*arguments, code=1).splitlines()[-1].endswith(advice)


@pytest.mark.parametrize("name", ["model.safetensors", "predictions.jsonl"])
def test_a_disk_that_is_full_at_the_end_of_a_fold_loses_nothing(arguments, tmp_path, monkeypatch, name):
    def refuse(path, data):
        if path.name == name:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        files.replace_file(path, data)

    monkeypatch.setattr(resume, "_SHARE", 1.0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stored, "replace_file", refuse)
        said = run(*arguments, code=1).splitlines()[-1]
    assert name in said
    assert said.endswith("free some space and run the same command again, what was finished is kept")
    assert "goes on after epoch 3" in run(*arguments)
    run(*arguments, "-o", tmp_path / "straight")
    kept, straight = (next((tmp_path / runs).glob("*/folds/0/model.safetensors")) for runs in ("runs", "straight"))
    assert kept.read_bytes() == straight.read_bytes()


def test_a_run_goes_on_exactly_as_it_was_begun_and_a_finished_one_is_only_read(arguments, tiny_store, tmp_path):
    folder = Path(json.loads(run(*arguments, "--json"))["run"])
    for change in (["--seed", 0], ["--epochs", 9], ["--set", "hyper.dropout=0.3"], ["--seeds", 2], ["-o", tmp_path]):
        assert f"leave out {change[0].replace('-o', '--output')}" in run("train", folder, *change, code=2)
    kept = (folder / "metrics.json").read_text()
    (folder / "folds" / "0" / "predictions.jsonl").unlink()
    moved = shutil.copytree(tiny_store, tmp_path / "moved")
    run("train", folder, "--store", moved)
    assert (folder / "metrics.json").read_text() == kept
    shutil.rmtree(moved)
    assert ", speaker-disjoint; " in run("train", folder).splitlines()[0]  # without its store
    (folder / "folds" / "0" / "predictions.jsonl").unlink()
    renamed = folder.rename(folder.with_name("mine"))
    assert "cannot go on" in run("train", renamed, "--store", tiny_store, code=2)


def test_what_is_trained_is_told_apart_by_what_is_there(arguments, tiny_store, tmp_path):
    file = tmp_path / "run.toml"
    file.write_text(
        'store = "nowhere"\nmodel = "ub-lstm"\nfeatures = "rms"\n[training]\nepochs = 1\ndevice = "cpu"\nn_frames = 20\n'
        "[hyper]\nunits1 = 4\nunits2 = 4\nunits3 = 4\n"
    )
    own = json.loads(run(*arguments, "--epochs", 1, "--json"))
    assert "no store" in run("train", file, code=2)
    named = json.loads(run("train", file, "--store", tiny_store, "-o", tmp_path / "other", "--json"))
    assert Path(named["run"]).name == Path(own["run"]).name
    assert "train takes a store, a run file (FILE.toml) or a run's folder" in run("train", "emdb", code=2)
    assert "no store" in run("train", "emodb-resnet18", "--store", tmp_path / "none", code=2)  # an installed run file
    assert "is a folder, and train takes a store" in run("train", tmp_path, code=2)
    assert "the store's folder" in run("train", "--model", "ub-lstm", code=2)


def test_a_dry_run_says_how_long_and_writes_nothing(arguments, tmp_path):
    said = run(*arguments, "--split", "speaker-kfold(k=2)", "--epochs", 400, "--batch-size", 4, "--dry-run")
    assert re.search(r"2 folds × 400 epochs, about [\d a-z]+ on this machine", said)
    assert "nothing was written" in said
    facts = json.loads(run(*arguments, "--epochs", 400, "--batch-size", 4, "--dry-run", "--json"))
    assert facts["folds"] == 1
    assert 0 < facts["seconds"] < 3600
    assert "not known before the first is done" in run(
        "train", arguments[1], "--model", "svm", "--features", "rms", "--dry-run"
    )
    assert list(tmp_path.iterdir()) == []


def test_how_long_all_will_take_is_said_after_a_few_batches_and_a_log_hears_of_every_moment(arguments, monkeypatch):
    monkeypatch.setattr(forecast, "SECONDS", 0.0)
    monkeypatch.setattr(training, "REDRAW_EVERY_S", 0.01)
    monkeypatch.setattr(training, "LOG_EVERY_S", (0.0, 0.0))
    said = run(*arguments, "--split", "speaker-kfold(k=2)", "--epochs", 12, "--batch-size", 4)
    assert said.count("2 folds × 12 epochs, about") == 1
    assert re.search(r"^training: \d+ %, fold \d, epoch \d+ of 12, ", said, re.MULTILINE)


def test_the_time_of_a_fold_is_that_of_its_record(arguments, tmp_path):
    said = run(*arguments)
    (record,) = (tmp_path / "runs").glob("*/folds/0/model.json")
    assert f"3 epochs, {duration(json.loads(record.read_text())['train_s'])}: UA" in said


def test_two_stores_are_refused_with_what_was_meant(arguments, tiny_store):
    for more in (["--store", "other"], ["other"]):
        said = run(*arguments, *more, code=2)
        assert f"{tiny_store} and other; " in said
        assert "--test-store" in said
    assert "a and b; " in run("train", "--store", "a", "--store", "b", "--model", "ub-lstm", code=2)


def test_the_older_spellings_work_and_say_the_new_ones(arguments, tiny_store, tmp_path):
    older = [*arguments, "--runs", tmp_path / "older"]
    older[1:2] = ["--store", tiny_store]
    del older[older.index("-o") : older.index("-o") + 2]
    told = CliRunner().invoke(main, [str(item) for item in [*older, "--json"]])
    assert Path(json.loads(told.stdout)["run"]).parent == tmp_path / "older"
    assert f"--store is now the first argument: featurekit train {tiny_store} …" in told.stderr
    assert "--runs is now -o/--output" in told.stderr


def test_where_the_values_lie_is_said_once_and_only_when_it_is_not_in_memory(arguments):
    assert "  values " not in run(*arguments, "--split", "loso", "--epochs", 1)
    said = run(*arguments, "--split", "loso", "--epochs", 1, "--residency", "stream", "--seed", 1)
    assert said.count("streamed from the store") == 1
    assert said.count("  fold ") == 6


def test_with_json_the_answer_alone_is_on_the_standard_output_and_progress_on_the_other(arguments):
    told = CliRunner().invoke(main, [*arguments, "--json"])
    assert json.loads(told.stdout)["pooled"]
    assert "  fold 0: train" in told.stderr


def test_evaluate_prints_every_table_and_the_same_numbers_as_json(arguments, tmp_path):
    trained = json.loads(run(*arguments, "--split", "loso", "--epochs", 1, "--json"))
    said = run("evaluate", trained["run"])
    for title in (
        "class ",
        "fold ",
        "speaker ",
        "gender ",
        "confidence",
        "always the majority class",
        "ECE",
        "speaker-disjoint",
    ):
        assert title in said
    assert f"UA {100 * trained['pooled']['unweighted_accuracy']:.1f} [" in said
    # An epoch is too few: each speaker gets one answer, so UA is that of chance whoever is left out.
    assert "interval of UA: it is the same whichever speaker is left out" in " ".join(said.split())
    again = json.loads(run("evaluate", trained["run"], "--json"))
    assert again == {key: value for key, value in trained.items() if key != "run"}
    assert evaluated_without_torch(trained["run"]) == said


def evaluated_without_torch(folder):
    block = "import sys; sys.modules.update(dict.fromkeys(['torch', 'numba', 'librosa', 'sklearn', 'matplotlib']))"
    code = f"{block}; from featurekit.cli import main; main(['evaluate', {folder!r}])"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


def test_evaluate_refuses_what_is_not_finished_or_of_another_version(arguments, tmp_path):
    folder = json.loads(run(*arguments, "--json"))["run"]
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    (copy / "folds" / "0" / "predictions.jsonl").unlink()
    assert "is not finished" in run("evaluate", copy, code=2)
    record = json.loads((copy / "run.json").read_text())
    rewrite(copy / "run.json", record | {"format": 99})
    assert "format 99" in run("evaluate", copy, code=2)
    assert "evaluate takes a run's folder" in run("evaluate", tmp_path, code=2)


def test_silence_is_cut_where_it_is_asked_for(arguments):
    folders = {json.loads(run(*arguments, *more, "--json"))["run"] for more in ((), ("--trim-db", 35), ("--trim-db", 20))}
    assert len(folders) == 3
    assert "trim_db is 0" in run(*arguments, "--trim-db", 0, code=2)


def test_any_line_of_a_run_file_can_be_set_and_options_come_last(tmp_path):
    file = tmp_path / "run.toml"
    file.write_text('store = "s"\nmodel = "ub-lstm"\n[training]\nlr = 1.0\nepochs = 9\n[hyper]\ndropout = 0.1\n')
    lines = ["training.optimizer=adamw", "hyper.units=[8, 4]", "training.lr=0.5", "context = 3", "training.epochs=7"]
    chosen = train.run_settings(file, {"epochs": 2}, lines)
    assert chosen.training == {"lr": 0.5, "epochs": 2, "optimizer": "adamw"}
    assert chosen.hyper == {"dropout": 0.1, "units": [8, 4]}
    assert chosen.context == 3
    for line in ("dropout", "=3", "hyper.=3", "a b=1"):
        with pytest.raises(ParameterError, match="expected KEY=VALUE"):
            train.run_settings(file, {}, [line])
    with pytest.raises(UnknownNameError, match="did you mean context"):
        train.run_settings(file, {}, ["contxt=3"])


def test_a_line_that_is_set_reaches_the_model(arguments):
    said = run(*arguments, "--set", "hyper.no_such=3", code=2)
    assert "no_such" in said


def test_seeds_give_mean_and_deviation(arguments, tmp_path):
    said = run(*arguments, "--epochs", 1, "--seeds", 2)
    assert "2 seeds:" in said
    assert "±" in said
    written = json.loads(next((tmp_path / "runs").glob("*.seeds.json")).read_text())
    assert len(written["pooled"]["unweighted_accuracy"]["values"]) == 2


def test_ratings_are_described_as_ratings(arguments):
    said = run(*arguments, "--task", "sentiment-score")
    for word in ("CCC", "MAE", "Acc2 Has0", "Acc2 Non0", "always the mean of the training part"):
        assert word in said
    folder = json.loads(run(*arguments, "--task", "sentiment-score", "--json"))["run"]
    assert "output" in run("evaluate", folder)


def test_predict_answers_with_ratings_where_the_run_rates(arguments, tiny_corpus):
    folder = json.loads(run(*arguments, "--task", "sentiment-score", "--epochs", 1, "--json"))["run"]
    audio = next(path for path in sorted(tiny_corpus.rglob("*.flac")))
    answer = json.loads(run("predict", folder, audio, "--json"))
    assert set(answer["values"]) == {"score"}
    assert answer["predicted"] == ""
    assert "score " in run("predict", folder, audio)


def test_parts_are_named_once_with_a_run():
    assert train.parts_of(["frames=cache/a", "images=b=c"]) == {"frames": "cache/a", "images": "b=c"}
    for wrong in (["frames"], ["=b"], ["frames="], ["a=b", "a=c"]):
        with pytest.raises(ParameterError, match="PART=RUN"):
            train.parts_of(wrong)


def test_a_fold_of_ratings_is_one_line_with_its_error(capsys):
    rows = [{"label": [1.0, 2.0], "predicted": [1.5, 2.5]}]
    training.Lines().finished(Fold("a", ("x",), (), ("y",)), rows)
    assert "MAE 0.500" in capsys.readouterr().out


def test_replay_says_that_a_run_comes_again_and_what_does_not(arguments, tmp_path):
    folder = json.loads(run(*arguments, "--epochs", 1, "--json"))["run"]
    assert "the same, to the bit" in run("replay", folder)
    path = next(Path(folder).glob("folds/0/predictions.jsonl"))
    first, *others = path.read_text().splitlines()
    row = json.loads(first)
    row["predicted"] = next(name for name in ("negative", "positive") if name != row["predicted"])
    path.write_text("\n".join([json.dumps(row), *others]) + "\n")
    seal(path.parent)
    assert "1 of" in run("replay", folder, code=1)
    assert json.loads(run("replay", folder, "--json", code=1))["same"] is False


def test_a_class_that_a_fold_does_not_test_is_said(arguments):
    said = run(*arguments, "--split", "loso", "--epochs", 1)
    (note,) = (line for line in said.splitlines() if line.startswith("note: absent classes: fold "))
    assert " lacks " in note
    assert note.endswith("a fold's UA is the mean over the classes it tests")


def test_strata_that_are_too_small_are_said(arguments):
    asked = ["--split", "random(stratify='class,speaker')", "--allow-speaker-overlap", "--epochs", 1]
    said = run(*arguments, *asked)
    (note,) = (line for line in said.splitlines() if "strata are too small to give every part its share" in line)
    assert note.startswith("note: ")


@pytest.mark.parametrize("n", [1, 4, 5])
def test_fewer_than_five_speakers_have_no_interval_and_the_way_to_one(n):
    rows = [{"id": str(number), "speaker": f"s{number}", "label": "ab"[number % 2], "predicted": "a"} for number in range(n)]
    found = score(rows, ["a", "b"])
    assert (found["intervals"]["accuracy"] is None) == ("why" in found["intervals"]) == (n < 5)
    said = evaluate.summary(found | {"split": {"verdict": "speaker-disjoint", "kind": "speaker-disjoint"}})
    assert said.startswith(f"{n} test utterance")
    assert ("no interval worth having; use --split loso" in said) == (n < 5)
    assert ("[" in said) == (n >= 5)
    for kind in ("loso", "cross-corpus"):  # of which neither has a way to more speakers
        assert "use --split" not in evaluate.summary(found | {"split": {"verdict": "speaker-disjoint", "kind": kind}})


def test_chance_and_majority_stand_beside_the_scores_also_where_a_speaker_has_one_class():
    rows = [{"id": f"{who}{k}", "speaker": who, "label": who, "predicted": "a"} for who in "aab" for k in range(9)][9:]
    found = score(rows, ["a", "b"], training_counts={"0": {"a": 3, "b": 2}})
    assert found["chance"] == {"unweighted_accuracy": 0.5}
    assert [found["per_speaker"][who]["majority"] for who in "ab"] == [1.0, 0.0]
    said = evaluate.summary(found | {"split": {"verdict": "speaker-disjoint", "kind": "loso"}})
    assert "chance: UA 50.0; always the majority class of the training part: UA 50.0" in said
    assert "majority" in "\n".join(evaluate.tables(found))


def test_names_of_few_classes_are_whole():
    lines = evaluate.confusion(["negative", "neutral", "positive"], [[36, 25, 1], [17, 26, 27], [3, 6, 51]], 80)
    assert lines.splitlines()[1].split() == ["negative", "neutral", "positive"]


@pytest.mark.parametrize("columns", [50, 80])
def test_the_confusion_matrix_names_its_axes_shows_shares_and_fits(columns):
    classes = ["neutral", "calm", "happy", "sad", "angry", "fearful", "disgust", "surprised"]
    counts = [[192 if row == column else 7 * (row != 3) for column in range(8)] for row in range(8)]
    lines = evaluate.confusion(classes, counts, columns).splitlines()
    said = " ".join(" ".join(lines).split())
    assert said.startswith("rows: truth, columns: predicted; count and percent of the row neutral ")
    assert max(map(len, lines)) <= columns
    assert sum("192 80%" in line for line in lines) == 7
    assert sum("192 100%" in line for line in lines) == 1
    assert sum(line.count("surpri") for line in lines) == (2 if columns == 80 else 3)


def test_training_on_one_class_is_refused_not_scored_100(tiny_store, tiny_manifest, tmp_path):
    labels = {utterance.id: utterance.labels["score"] for utterance in tiny_manifest}
    alike = [name for name, score in labels.items() if score > 0]
    part = {name: "test" if tiny_manifest[name].speaker == tiny_manifest[alike[-1]].speaker else "train" for name in alike}
    (tmp_path / "ids.csv").write_text("id,part\n" + "".join(f"{name},{part[name]}\n" for name in alike))
    how = ["--features", "rms", "--task", "sentiment2-nonzero", "--split", tmp_path / "ids.csv", "-o", tmp_path / "runs"]
    said = run("train", tiny_store, "--model", "logistic", *how, code=2)
    assert re.search(r"all \d+ utterances of the training part of fold 0 are 'positive': nothing can be learnt", said)


def test_a_task_and_its_map_are_set_together_or_apart(tmp_path):
    file = tmp_path / "run.toml"
    file.write_text('store = "s"\nmodel = "svm"\ntask = "emotion"\n')
    for given, lines in (({"map": "four"}, ()), ({}, ['map="four"']), ({}, ["task.map=four"])):
        found = train.run_settings(file, given, lines)
        assert (found.task, found.map) == ("emotion", "four")
    file.write_text('store = "s"\nmodel = "svm"\n[task]\nname = "emotion"\nmap = "four"\n')
    assert (train.run_settings(file, {}).task, train.run_settings(file, {}).map) == ("emotion", "four")
    file.write_text('store = "s"\nmodel = "svm"\n[task]\nmapp = "four"\n')
    with pytest.raises(UnknownNameError, match="did you mean map"):
        train.run_settings(file, {})


@pytest.mark.parametrize(
    ("labels", "line"),
    [
        ("aaaa", "all test utterances are a: UA is the recall of that class alone, and says nothing of b, c"),
        ("abab", "UA is over 2 of 3 classes: no test utterance is c"),
        ("abca", ""),
    ],
)
def test_classes_that_no_test_utterance_has_are_named_beside_the_score(labels, line):
    rows = [{"id": n, "label": label, "predicted": "a", "speaker": n} for n, label in enumerate(labels)]
    said = " ".join(evaluate.summary(score(rows, "abc") | {"split": {"verdict": ""}}).split())
    assert line in said
    assert ("no test utterance" in said or "all test utterances" in said) is bool(line)
