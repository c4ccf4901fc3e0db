"""``featurekit split`` and every bad input it refuses in one sentence, and splits from files in ``featurekit train``."""

from __future__ import annotations

import json
import shutil

import pytest
from click.testing import CliRunner

from featurekit import extraction
from featurekit.cli import main
from featurekit.data import Split
from featurekit.experiments import Run, RunSettings
from featurekit.manifest import Manifest, Utterance


def run(*arguments, code=0):
    result = CliRunner().invoke(main, [str(item) for item in arguments])
    assert result.exit_code == code, (result.output, result.exception)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.stdout if "--json" in arguments else result.output


@pytest.fixture
def corpus(tmp_path):
    """Write a manifest of speakers with three classes; called with changes to a speaker's utterances."""

    def write(n_speakers=6, name="m.jsonl", change=lambda utterance: {}):
        items = [
            {
                "id": f"s{speaker}_{position}",
                "path": "a.wav",
                "recording": f"r{speaker}_{position}",
                "speaker": f"s{speaker}",
                "gender": "fm"[speaker % 2],
                "duration_s": 30.0,
                "labels": {"emotion": "abc"[position % 3]},
            }
            for speaker in range(n_speakers)
            for position in range(6)
        ]
        path = tmp_path / name
        Manifest(Utterance(**{**item, **change(item)}) for item in items).write(path)
        return path

    return write


def test_segments_count_with_their_own_seconds_and_a_column_label_is_the_task(corpus):
    """Every segment lasts as long as it says, and not as nothing: 12 to 72 s a speaker."""

    def segment(item):
        length_s = 2.0 + 2 * int(item["speaker"][1:])
        return {"duration_s": None, "start": 10.0, "end": 10.0 + length_s, "labels": {"label": item["labels"]["emotion"]}}

    said = json.loads(run("split", corpus(change=segment), "--split", "speaker-disjoint(test=0.3)", "--json"))
    assert sum(row["minutes"] for row in said["parts"]) == pytest.approx(6 * sum(range(2, 13, 2)) / 60, abs=0.02)
    assert all(row["minutes"] > 0 for row in said["parts"])


def test_a_split_is_shown_as_a_table_and_written_with_its_digest(corpus, tmp_path):
    path = corpus()
    said = run("split", path, "--split", "speaker-disjoint(test=0.3)", "-o", tmp_path / "s.json")
    split = Split.read(tmp_path / "s.json")
    assert "\nverdict: speaker-disjoint;" in said
    assert f"\ndigest {split.digest[:16]} → " in said
    row = next(line.split() for line in said.splitlines() if line.startswith("0     test"))
    assert row == ["0", "test", "12", "2", "1", "f,", "1", "m", "6.0", "4", "4", "4"]
    record = json.loads(run("split", path, "--split", tmp_path / "s.json", "--json"))
    assert record["digest"] == split.digest
    assert [part["utterances"] for part in record["parts"]] == [len(split.fold().part(p)) for p in ("train", "dev", "test")]


def test_some_folds_of_a_split_alone_are_a_split_of_their_own(corpus, tmp_path):
    path = corpus(change=lambda utterance: {"labels": {"emotion": "a"}} if utterance["speaker"] in ("s1", "s2") else {})
    run("split", path, "--split", "loso(dev=0)", "-o", tmp_path / "all.json")
    whole = Split.read(tmp_path / "all.json")
    assert set(whole.notes["absent_classes"]) == {"s1", "s2"}
    said = run("split", path, "--split", tmp_path / "all.json", "--fold", "s2", "--fold", "s0", "-o", tmp_path / "two.json")
    assert "absent classes: fold s2: test lacks b, c\n" in said
    two = Split.read(tmp_path / "two.json")
    assert two.folds == tuple(fold for fold in whole.folds if fold.name in ("s0", "s2"))
    assert two.digest != whole.digest
    assert "absent_classes" not in whole.only(["s0"]).notes
    assert "unknown fold 's7'; known: s0" in run("split", path, "--split", "loso", "--fold", "s7", code=2)


def test_a_stores_failed_utterances_are_in_no_part(tiny_store, tmp_path):
    run("split", tiny_store, "--task", "sentiment3", "-o", tmp_path / "s.json")
    split = Split.read(tmp_path / "s.json")
    assert {name for part in ("train", "dev", "test") for name in split.fold().part(part)}
    assert "verdict: speaker-disjoint" in run("split", tiny_store, "--task", "sentiment3", "--split", "loso")
    assert "task=sentiment3" in run("split", tiny_store)  # the task of the store's corpus, as for train
    assert "no folder 'nowhere'" in run("split", tiny_store, "-o", "nowhere/s.json", code=2)


NAMELESS = "1 utterances have no speaker: s2_1 (row 14); name them in the manifest, or "
WAYS_ON = "use --split random --allow-speaker-overlap, or --speaker-from recording"


def drop_speaker(item):
    return {"speaker": ""} if item["id"] == "s2_1" else {}


def one_speaker(item):
    return {"speaker": "anna"}


def rare_class(item):
    return {"labels": {"emotion": "rare"}} if item["speaker"] == "s3" else {}


def test_unknown_speakers_of_given_parts_are_counted_and_are_no_speaker_of_the_table(corpus, tmp_path):
    path = corpus(change=lambda item: {"speaker": ""} if item["speaker"] in ("s4", "s5") else {})
    parts = {"s0": "train", "s1": "train", "s2": "dev", "s3": "test", "s4": "test", "s5": "train"}
    ids = [json.loads(line)["id"] for line in path.read_text().splitlines()]
    (tmp_path / "parts.csv").write_text("\n".join(["id,part", *(f"{name},{parts[name[:2]]}" for name in ids)]) + "\n")
    assert "12 of 36 utterances name no speaker" in run("split", path, "--split", tmp_path / "parts.csv")
    record = json.loads(run("split", path, "--split", tmp_path / "parts.csv", "--json"))
    assert [(part["utterances"], part["speakers"]) for part in record["parts"]] == [(18, 2), (6, 1), (12, 1)]


@pytest.mark.parametrize(
    ("request_", "change", "sentence"),
    [
        ("speaker-disjoint", drop_speaker, NAMELESS + WAYS_ON),
        ("loso", one_speaker, f"there is only one speaker, 'anna'; {WAYS_ON}"),
        ("speaker-kfold(k=7)", None, "k is 7; with 6 speakers it must lie between 2 and 6"),
        ("loso", rare_class, "no training utterance of class rare (all of it is by one speaker, s3)"),
        ("speaker-disjoint", rare_class, "no test part has the class rare (all of it is by one speaker, s3)"),
        ("speaker-disjoint(test=0.9)", None, "test=0.9 and dev=0.1 are shares"),
        ("random", None, "--allow-speaker-overlap"),
        ("leave-one-session-out", None, "36 utterances name no session (the raw label 'session')"),
        ("emodb-speakers", None, "36 utterances belong to no fold of this protocol for emodb"),
        ("cross-corpus", None, "cross-corpus needs train_on"),
        ("los", None, "unknown split 'los'; did you mean loso"),
        ("none.json", None, "there is no split 'none.json'"),
    ],
)  # fmt: skip
def test_what_cannot_be_split_is_refused_in_one_sentence(corpus, request_, change, sentence):
    path = corpus(change=change) if change else corpus()
    said = run("split", path, "--split", request_, code=2)
    assert sentence in said
    assert said.startswith("featurekit: ")
    assert len(said.splitlines()) == 1


def test_the_ways_on_that_are_named_exist(corpus):
    path = corpus(change=one_speaker)
    assert "SPEAKERS OVERLAP" in run("split", path, "--split", "random", "--allow-speaker-overlap")
    # Cutting by recording is allowed, and the verdict still knows that the manifest names one speaker.
    assert "SPEAKERS OVERLAP" in run("split", path, "--speaker-from", "recording")
    nameless = corpus(change=lambda item: {"speaker": ""}, name="n.jsonl")
    assert "speakers are unknown" in run("split", nameless, "--split", "random", "--allow-speaker-overlap")


def test_a_split_of_another_manifest_or_with_unknown_ids_is_refused_and_a_larger_manifest_noted(corpus, tmp_path):
    small, large = corpus(), corpus(7, name="l.jsonl")
    run("split", large, "-o", tmp_path / "large.json")
    assert "the split was made for another manifest: this one lacks 6 of its ids (s6_0, s6_1," in run(
        "split", small, "--split", tmp_path / "large.json", code=2
    )
    run("split", small, "-o", tmp_path / "small.json")
    assert "made from another manifest" in run("split", large, "--split", tmp_path / "small.json")
    (tmp_path / "ids.csv").write_text("id,part\ns0_0,train\nnobody,test\n")
    assert "lacks 1 of 2 utterances: nobody" in run("split", small, "--split", tmp_path / "ids.csv", code=2)


def test_classes_that_parts_lack_are_said(corpus):
    path = corpus(change=lambda item: {"labels": {"emotion": "a"}} if item["speaker"] == "s0" else {})
    assert "absent classes: fold s0: test lacks b, c" in run("split", path, "--split", "loso")


def test_splits_are_listed_and_explained_with_settings_and_source():
    assert json.loads(run("list", "splits", "--json"))["ravdess-luna2021"].startswith("RAVDESS, subject-wise")
    said = run("explain", "ravdess-luna2021")
    assert "settings: dev=0.1" in said
    assert "source: the README of github.com/cristinalunaj/MMEmotionRecognition" in said
    assert "settings: test=0.2, dev=0.1" in run("explain", "speaker-disjoint")


def test_train_reads_a_split_from_a_file_and_names_the_run_by_what_it_is(tiny_store, tmp_path):
    run("split", tiny_store, "--task", "sentiment3", "--split", "speaker-disjoint(test=0.3)", "-o", tmp_path / "s.json")
    how = ["train", tiny_store, "--model", "ub-bilstm", "--features", "rms,spectral_centroid", "--epochs", "1"]
    how += ["-o", tmp_path / "runs", "--json"]
    by_file = json.loads(run(*how, "--split", tmp_path / "s.json"))
    by_name = json.loads(run(*how, "--split", "speaker-disjoint(test=0.3)"))
    assert by_file["run"] == by_name["run"]
    assert by_file["split"]["digest"] == Split.read(tmp_path / "s.json").digest


def test_train_mixes_and_warps_and_refuses_a_wrong_setting_before_anything_is_written(tiny_store, tmp_path):
    how = ["train", tiny_store, "--model", "ub-bilstm", "--features", "rms,spectral_centroid", "--epochs", "1"]
    how += ["-o", tmp_path / "runs"]
    assert "did you mean time_width" in run(*how, "--augment", "specaugment(time_with=3)", code=2)
    assert "and rms is rms; name the column that has them" in run(*how, "--augment", "vtlp", code=2)
    assert "unknown column 'mfcc'; known: rms, spectral_centroid" in run(*how, "--augment", "specaugment(column=mfcc)", code=2)
    assert not (tmp_path / "runs").exists()
    run(*how, "--augment", "specaugment(time_width=10)", "--augment", "mixup(alpha=0.4)")


def test_a_run_is_named_by_all_settings_of_its_augmentation(tiny_store, tmp_path):
    def digest(request):
        settings = RunSettings(store=str(tiny_store), model="ub-bilstm", features="rms", augment=(request,))
        return Run(settings, runs=tmp_path).digest

    assert digest("specaugment") == digest("specaugment(time_width=100)") != digest("specaugment(time_width=40)")


def test_train_on_one_store_and_test_on_another(tiny_corpus, tiny_manifest, tiny_store, tmp_path):
    half = Manifest(tiny_manifest.utterances[:18])
    other = {"out": tmp_path / "other", "columns": "rms", "corpus": "other", "backend": "serial"}
    extraction.build_store(half, root=tiny_corpus, **other)
    how = [
        "train",
        tiny_store,
        "--test-store",
        tmp_path / "other",
        "--test-task",
        "sentiment3",
        "--model",
        "ub-bilstm",
    ]
    how += ["--features", "rms", "--epochs", "1", "-o", tmp_path / "runs"]
    said = run(*how)
    assert "data   demo-to-other: rms" in said
    assert "fold demo to other" in said
    assert "with --test-store the split is cross-corpus" in run(*how, "--split", "loso", code=2)


def test_children_are_made_by_manifest_and_extract_and_the_table_counts_them(tiny_corpus, tmp_path):
    run("manifest", "demo", "--root", tiny_corpus, "--perturb", "shift(0.01)", "-o", tmp_path / "m.jsonl")
    made = Manifest.read(tmp_path / "m.jsonl")
    assert len(made) == 72
    store = tmp_path / "store"
    how = ["extract", "--corpus", "demo", "--root", tiny_corpus, "--features", "rms", "--backend", "serial", "-o", store]
    assert "72 utterances" in run(*how, "--perturb", "shift(0.01)")
    said = run("split", store, "--task", "sentiment3")
    row = {line.split()[1]: line.split()[2:4] for line in said.splitlines() if line.startswith("0 ")}
    assert int(row["train"][0]) == 2 * int(row["train"][1])  # utterances, of which children
    assert row["test"][1] == "0"
    assert "did you mean shift" in run(*how, "--perturb", "shif(0.01)", code=2)
    shutil.rmtree(store)


def test_a_dev_of_a_third_of_the_speakers_and_classes_that_none_could_have_are_said(corpus):
    said = run("split", corpus(4), "--split", "loso")
    assert "\ndev=0.1 takes 1 of 3 speakers that are not tested, 33 % of their utterances in 4 folds\n" in said
    classes = {"s0_0": "c", "s1_0": "c"}
    rare = corpus(12, "r.jsonl", lambda item: {"labels": {"emotion": classes.get(item["id"], "ab"[int(item["id"][-1]) % 2])}})
    said = run("split", rare, "--split", "loso")
    assert "\ntoo few speakers have these classes to give them to train and dev both: fold s0: c; fold s1: c\n" in said


def test_classes_are_gathered_by_a_map(corpus, tmp_path):
    source, own = corpus(), tmp_path / "two.toml"
    own.write_text('[classes]\nfirst = ["a", "b"]\nlast = ["c"]\n', "utf-8")
    made = json.loads(run("split", source, "--map", own, "--split", "loso(dev=0)", "--json"))
    assert made["parts"][0]["classes"] == {"first": 20, "last": 10}
    assert "unknown class map 'tow'" in run("split", source, "--map", "tow", code=2)
