import dataclasses
import json
import shutil
from dataclasses import replace

import numpy as np
import pytest

from featurekit import as_arrays, corpora, extraction, inference, store
from featurekit.data import JoinedStore, Split, audit
from featurekit.errors import ParameterError, SplitError, StoreError, UnknownNameError
from featurekit.experiments import Run, RunSettings, stored_columns
from featurekit.extraction import plan
from featurekit.inference import embedding
from featurekit.inference.runs import columns_of_run
from featurekit.runs import StoredRun


@pytest.fixture
def copy(tiny_store, tmp_path):
    return shutil.copytree(tiny_store, tmp_path / "demo")


@pytest.fixture(scope="module")
def run(tiny_store, finish):
    """Windows of three utterances, several folds."""
    return finish(tiny_store, "ub-lstm", "rms", split="speaker-kfold(k=3)")


@pytest.fixture(scope="module")
def single(tiny_store, finish):
    return finish(tiny_store, "mlp-pool", "rms")


def predictions(run):
    lines = [line for path in sorted(run.glob("folds/*/predictions.jsonl")) for line in path.read_text().splitlines()]
    return {row["id"]: row for row in map(json.loads, lines)}


def softmax(logits):
    shares = np.exp(logits - logits.max())
    return shares / shares.sum()


def test_the_logits_of_tested_utterances_are_what_the_run_predicted_in_its_windows(run, copy):
    found = inference.embed(run, copy, what="logits", device="cpu")
    opened = store.open_store(copy)
    rows = predictions(run)
    assert len(rows) == len(opened)
    for name, row in rows.items():
        np.testing.assert_allclose(softmax(opened[name][found.columns[0]][0]), row["probabilities"], atol=2e-5)
    info = opened.columns[found.columns[0]]
    assert (info.kind, info.of_run, info.dim_names) == ("vector", run.name, ("negative", "neutral", "positive"))
    assert sum(found.folds.values()) == len(opened)
    assert len(found.folds) == 3


def test_a_model_that_reads_transcripts_reads_those_of_the_manifest(tiny_store, finish, copy):
    run = finish(tiny_store, "acoustic-text", "rms")
    found = inference.embed(run, copy, what="logits", device="cpu")
    opened = store.open_store(copy)
    for name, row in predictions(run).items():
        np.testing.assert_allclose(softmax(opened[name][found.columns[0]][0]), row["probabilities"], atol=2e-5)


def test_an_embedding_is_a_feature_for_another_model_and_for_scikit_learn(single, copy, tmp_path):
    found = inference.embed(single, copy, device="cpu")
    name = found.columns[0]
    assert name == f"{single.name}/embedding"
    opened = store.open_store(copy)
    X, _, _ = as_arrays(opened, features=[name], task="sentiment3")
    np.testing.assert_array_equal(X[0], opened[opened.ids[0]][name][0])
    assert stored_columns(opened, name) == [name]
    settings = RunSettings(str(copy), "mlp-pool", name, "speaker-disjoint", training={"epochs": 1, "device": "cpu"})
    result = Run(settings, runs=tmp_path / "runs").execute()  # the same split: nothing tested here was trained on there
    assert result.metrics["pooled"]["n"] > 0
    chained = inference.embed(result.folder, copy, device="cpu")
    assert chained.trained_on >= found.trained_on
    with pytest.raises(ParameterError, match="a network's output, not a feature of audio"):
        inference.Predictor(result.folder)


def test_a_run_that_tests_on_what_the_networks_were_trained_on_is_refused(single, copy, tmp_path):
    found = inference.embed(single, copy, device="cpu")
    split = Split.read(single / "split.json")
    trained = {*split.folds[0].train, *split.folds[0].dev}
    opened = store.open_store(copy)
    assert set(opened.columns[found.columns[0]].trained_on) == trained == set(audit.training_ids(opened)[found.columns[0]])
    settings = RunSettings(str(copy), "mlp-pool", found.columns[0], "loso", training={"epochs": 1, "device": "cpu"})
    with pytest.raises(SplitError, match="was trained on"):
        Run(settings, runs=tmp_path)


def test_the_ids_of_training_outlive_an_index_and_a_copy_joined_with_another_corpus(single, copy):
    name = inference.embed(single, copy, device="cpu").columns[0]
    (copy / "index.h5").unlink()
    opened = store.open_store(copy)
    ids = opened.columns[name].trained_on
    other = store.open_store(copy)
    other.corpus = "other"
    joined = JoinedStore(other, opened)
    assert {f"demo/{item}" for item in ids} <= set(joined.columns[name].trained_on)


def test_a_store_of_another_corpus_is_judged_by_the_first_fold_and_nothing_in_it_was_trained_on(run, speech_store, tmp_path):
    copy = shutil.copytree(speech_store, tmp_path / "speech")
    found = inference.embed(run, copy, device="cpu")
    assert (found.trained_on, list(found.folds.values())) == (0, [12])


def test_a_column_of_another_version_of_its_feature_is_not_the_one_that_was_trained_on(single, copy):
    opened, record = store.open_store(copy), StoredRun(single).record
    (entry,) = record.columns
    same, other_engine = replace(entry, name="mine"), replace(entry, name="mine", key="0" * 64, engine="cuda")
    for one in (same, other_engine):
        assert columns_of_run(opened, replace(record, columns=(one,))).names == {"mine": "rms"}
    with pytest.raises(
        ParameterError, match="another version of its feature, or other weights, computed rms there; extract and"
    ):
        columns_of_run(opened, replace(record, columns=(replace(entry, key="0" * 64),)))


def test_one_fold_can_judge_all(run, copy):
    names = Split.read(run / "split.json").folds
    found = inference.embed(run, copy, fold=names[1].name, device="cpu")
    assert found.columns == [f"{run.name}/fold-{names[1].name}/embedding"]
    assert found.folds == {names[1].name: len(store.open_store(copy))}
    assert found.trained_on == len(names[1].train) + len(names[1].dev)
    with pytest.raises(UnknownNameError, match="fold"):
        inference.embed(run, copy, fold="nobody")


def test_what_is_there_is_not_computed_again_and_no_path_enters_the_key(single, copy, tmp_path, monkeypatch):
    first = inference.embed(single, copy, device="cpu")
    before = store.latest_head(copy)
    monkeypatch.setattr(embedding._Columns, "values", None)
    assert inference.embed(single, copy, device="cpu").computed == 0
    assert store.latest_head(copy) == before
    assert first.computed == len(store.open_store(copy))
    moved = shutil.copytree(single, tmp_path / "elsewhere")
    again = inference.embed(moved, copy, device="cpu")
    assert (again.columns, again.computed) == (["elsewhere/embedding"], 0)  # the same key: the shards are there


def test_an_interrupted_embedding_goes_on_with_the_missing_shards(single, copy, monkeypatch):
    monkeypatch.setattr(embedding, "SHARD_UTTERANCES", 10)
    commit, made = store.commit_shard, []

    def dying(path, content):
        if len(made) == 2:
            raise KeyboardInterrupt
        made.append(content.key)
        return commit(path, content)

    monkeypatch.setattr(store, "commit_shard", dying)
    with pytest.raises(KeyboardInterrupt):
        inference.embed(single, copy, device="cpu")
    monkeypatch.setattr(store, "commit_shard", commit)
    assert inference.embed(single, copy, device="cpu").computed == len(store.open_store(copy)) - 20
    assert store.verify(copy).ok


def test_somebody_elses_new_utterances_are_not_overwritten(single, copy):
    latest = store.latest_head(copy)
    applied = embedding.Applied(single, store.open_store(copy), None, embedding.choose_device("cpu"))
    columns = embedding._Columns(applied, "logits")
    with pytest.raises(StoreError, match="meanwhile"):
        columns.beside(dataclasses.replace(latest, manifest_digest="0" * 64), [])


def test_features_can_be_added_beside_an_embedding_but_utterances_cannot(single, copy, tiny_corpus, tiny_manifest):
    name = inference.embed(single, copy, device="cpu").columns[0]
    values = store.open_store(copy)[tiny_manifest.ids[0]][name]
    how = {"root": tiny_corpus, "out": copy, "corpus": "demo", "backend": "serial"}
    extraction.build_store(tiny_manifest, columns="zcr", **how)
    opened = store.open_store(copy)
    assert {name, "zcr"} <= opened.columns.keys()
    with pytest.raises(ParameterError, match="`featurekit embed` computes it"):
        plan.rebuild(opened.columns[name])
    np.testing.assert_array_equal(opened[tiny_manifest.ids[0]][name], values)
    fewer = tiny_manifest.filter(lambda item: item.id != tiny_manifest.ids[-1])
    with pytest.raises(ParameterError, match=r"drop it .* embed again") as refused:
        extraction.build_store(fewer, columns="zcr", **how)
    assert f"featurekit store drop {copy} '{name}'" in str(refused.value)
    store.drop(copy, name)
    extraction.build_store(fewer, columns="zcr", replace=True, **how)
    assert store.verify(copy).ok


def test_a_failed_utterance_is_a_row_with_its_reason(speech, single, tmp_path, finish):
    broken = shutil.copytree(speech, tmp_path / "speech")
    (broken / "3.wav").write_bytes(b"RIFF")
    manifest = corpora.read_corpus("custom", broken, manifest=broken / "labels.csv")
    extraction.build_store(manifest, root=broken, out=tmp_path / "store", columns="rms", backend="serial")
    found = inference.embed(single, tmp_path / "store", device="cpu")
    bad = next(name for name in found.failed)
    assert len(found.failed) == 1
    opened = store.open_store(tmp_path / "store")
    assert opened.status(found.columns[0])[opened.index(bad)] == 1
    assert "rms" in opened.errors(found.columns[0])[opened.index(bad)]


def test_a_store_without_the_runs_columns_says_which_command_adds_them(
    single, tiny_corpus, tiny_manifest, tmp_path, monkeypatch
):
    monkeypatch.delenv("FEATUREKIT_CORPORA", raising=False)
    how = {"root": tiny_corpus, "out": tmp_path / "s", "corpus": "demo", "backend": "serial"}
    extraction.build_store(tiny_manifest, columns="zcr", **how)
    with pytest.raises(ParameterError, match="featurekit extract --corpus demo --root DIR --features") as refused:
        inference.embed(single, tmp_path / "s")
    request = str(refused.value).split("--features ")[1].split(" -o ")[0].strip("'")
    extraction.build_store(tiny_manifest, columns=request, **how)
    assert inference.embed(single, tmp_path / "s", device="cpu").computed == len(tiny_manifest)


def test_attention_is_a_column_over_frames_and_one_over_the_window(tiny_store, finish, run, copy):
    heads = finish(tiny_store, "rnn-attention", "rms,mel(n_mels=32)")
    found = inference.embed(heads, copy, what="attention", device="cpu")
    opened = store.open_store(copy)
    (name,) = found.columns
    info = opened.columns[name]
    assert (info.kind, info.dims, info.hop_s, info.start_s) == ("frames", 8, opened.columns["rms"].hop_s, 0.0)
    np.testing.assert_array_equal(opened.lengths(name), opened.lengths("rms"))
    np.testing.assert_allclose(opened[opened.ids[3]][name].sum(axis=0), 1, atol=1e-5)
    window = inference.embed(run, copy, what="attention", device="cpu").columns
    assert store.open_store(copy).columns[window[0]].dim_names == ("before", "target", "after")
    now = inference.attention_of(heads, copy, opened.ids[3], device="cpu")
    np.testing.assert_allclose(now[0][1], opened[opened.ids[3]][name], atol=1e-6)


def test_a_model_without_attention_says_so(single, copy):
    with pytest.raises(ParameterError, match="has no attention"):
        inference.embed(single, copy, what="attention")
    with pytest.raises(ParameterError, match="expected embedding, logits, attention"):
        inference.embed(single, copy, what="thoughts")
