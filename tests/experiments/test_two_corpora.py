"""Train on one corpus, test on another: what the names of their classes become, and over which the score is."""

from dataclasses import replace

import numpy as np
import pytest

from featurekit import data
from featurekit.cli import evaluate
from featurekit.errors import ParameterError
from featurekit.experiments import Run, RunSettings, resolve, run_task
from featurekit.manifest import Utterance
from featurekit.runs import StoredRun
from featurekit.store import open_store

ONE = ["angry", "fear", "happy", "neutral", "sad", "surprise"]
OTHER = ["anger", "fear", "happiness", "neutral", "sadness", "surprised"]


@pytest.fixture(scope="module")
def stores(making, tmp_path_factory):
    """A function: two stores of these classes, five speakers each; what is heard is the place of the class."""

    def made(one, other):
        folder = tmp_path_factory.mktemp("two")
        for name, words in (("one", one), ("other", other)):
            utterances = [
                Utterance(f"{who}{k}", f"{k}.wav", speaker=f"s{who}", labels={"emotion": word}, fingerprint=f"{name}{who}{k}")
                for who in range(5)
                for k, word in enumerate(words)
            ]
            places = [ONE.index(word) if word in ONE else OTHER.index(word) for _ in range(5) for word in words]
            making.vectors(folder / name, utterances, 10 * np.eye(len(ONE))[places], corpus=name)
        return folder

    return made


def run(folder, **more):
    settings = {"model": "svm", "features": "voice", "task": "emotion", "test_task": "emotion"} | more
    return Run(RunSettings(store=str(folder / "one"), test_store=str(folder / "other"), **settings), runs=folder)


def test_two_vocabularies_of_the_same_classes_lose_no_utterance(stores):
    made = run(stores(ONE, OTHER))
    result = made.execute()
    assert result.metrics["n"] == 30
    assert result.metrics["pooled"]["unweighted_accuracy"] == 1
    assert result.metrics["over"]["classes"] == ONE
    assert result.metrics["over"]["left_out"] == {"one": {}, "other": {}}
    said = "classes by map canonical: anger → angry, happiness → happy, sadness → sad, surprised → surprise"
    assert made.notes == [said]
    told = evaluate.summary(result.metrics)
    assert "over 6 classes of both corpora: angry, fear, happy, neutral, sad, surprise" in " ".join(told.split())


def test_a_class_that_one_of_them_lacks_is_refused_unless_the_common_ones_are_asked_for(stores):
    folder = stores([*ONE[:5]], ["anger", "happiness", "surprised"])
    with pytest.raises(ParameterError, match=r"other has no fear \(5\), neutral \(5\), sad \(5\) of one, the training corpus"):
        run(folder)
    made = run(folder, common_classes=True)
    metrics = made.execute().metrics
    assert metrics["over"]["classes"] == metrics["classes"] == ["angry", "happy"]
    assert metrics["over"]["left_out"] == {"one": {"fear": 5, "neutral": 5, "sad": 5}, "other": {"surprised": 5}}
    assert metrics["chance"] == {"unweighted_accuracy": 0.5}
    assert [note.partition(":")[0] for note in made.notes] == [
        "classes by map canonical",
        "15 of 25 utterances of one are left out",
        "5 of 15 utterances of other are left out",
    ]
    assert {row.label for row in StoredRun(made.folder).fold(0).predictions} == {"angry", "happy"}


def test_a_map_is_a_runs_own_by_what_it_makes_of_the_labels(stores, tmp_path):
    folder = stores(ONE, ONE)
    plain = run(folder)
    assert plain.task.name == "emotion"
    assert run(folder, map="canonical").digest == run(folder, map="none").digest == plain.digest
    four = run(folder, map="four")
    assert four.task.classes == ("angry", "happy", "neutral", "sad")
    assert four.digest != plain.digest
    path = tmp_path / "mine.toml"
    path.write_text("[classes]\nhigh = ['angry', 'happy', 'fear', 'surprise']\nlow = ['neutral', 'sad']\n")
    mine = run(folder, map=str(path))
    assert mine.task.classes == ("high", "low")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    assert run(folder, map=str(path.rename(elsewhere / "mine.toml"))).digest == mine.digest  # no path enters it


def test_a_map_serves_one_corpus_where_it_is_asked_for(stores):
    store = str(stores(ONE, OTHER) / "other")

    def alone(**more):
        return Run(RunSettings(store=store, model="svm", features="voice", **more))

    assert alone(task="emotion").task.classes == tuple(sorted(OTHER))
    four = alone(task="emotion", map="four")
    assert four.task.classes == ("angry", "happy", "neutral", "sad")
    assert four.digest == alone(task="emotion(map=four)").digest
    assert "the map leaves out fear, surprised" in four.notes
    assert four.record().over is None
    with pytest.raises(ParameterError, match="--common-classes is for two corpora, and --test-store is not given"):
        alone(task="emotion", common_classes=True)


def test_a_run_on_sounds_is_warned_of_sentences_that_give_the_class(making, tmp_path):
    utterances = [
        Utterance(
            f"{who}{k}",
            f"{who}/{k}.wav",
            speaker=f"s{who}",
            text=f"say {k}",
            labels={"emotion": ONE[k]},
            fingerprint=f"{who}{k}",
        )
        for who in range(6)
        for k in range(3)
    ]
    making.vectors(tmp_path / "s", utterances, np.ones((18, 2)))
    made = Run(RunSettings(store=str(tmp_path / "s"), model="svm", features="voice", task="emotion"))
    assert made.record().reads_text is False
    assert "would answer by it; this one reads neither" in made.verdict
    assert made.audit.ok
    assert resolve.reads_text(("text", "frames"), made.store, made.columns)


def test_a_column_that_is_not_in_both_stores_is_added_to_both(stores):
    folder = stores(ONE, OTHER)
    with pytest.raises(ParameterError, match="has no column mel64") as refused:
        run(folder, features="mel64")
    commands = str(refused.value).partition("add it: ")[2].split("; ")
    assert [command.split()[3] for command in commands] == ["one", "other"]  # --corpus
    assert [command.split()[-1] for command in commands] == [str(folder / "one"), str(folder / "other")]


def test_a_run_by_a_map_of_ones_own_is_audited_by_that_map_wherever_its_file_is_now(stores, tmp_path):
    folder, own = stores(ONE, OTHER), tmp_path / "arousal.toml"
    own.write_text('[classes]\nhigh = ["angry", "fear", "happy", "surprise"]\nlow = ["neutral", "sad"]\n', "utf-8")
    store = open_store(folder / "one")
    for settings in ({"test_store": str(folder / "other"), "test_task": "emotion"}, {"split": "loso(dev=0)"}):
        made = Run(
            RunSettings(str(folder / "one"), "svm", "voice", task="emotion", map=str(own), **settings), runs=tmp_path / "runs"
        )
        record = made.record()
        assert record.map["sad"] == "low"
        moved = replace(record, settings=replace(record.settings, map="elsewhere/arousal.toml"))
        opened = made.store if settings.get("test_store") else store
        for kept in (record, moved):
            task = run_task.recorded_task(kept, opened)
            assert task.classes == made.task.classes == ("high", "low")
            assert data.labelled(opened.manifest, task) == data.labelled(opened.manifest, made.task)
        assert run_task.recorded_task(replace(moved, map=None, over=None), opened) is None
