"""Columns that another program wrote by the store's functions: extraction keeps them, and says what it cannot do."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
import soundfile

from featurekit import store
from featurekit.errors import ParameterError, SplitError
from featurekit.extraction import build_store
from featurekit.manifest import Manifest, Utterance


@pytest.fixture
def corpus(tmp_path):
    rng = np.random.default_rng(0)
    items = [Utterance(id=f"u{n}", path=f"u{n}.wav", speaker=f"s{n}") for n in range(3)]
    for item in items:
        soundfile.write(tmp_path / item.path, 0.1 * rng.standard_normal(8000), 16_000)
    return items


def add_column(out):
    """As a program of the user's does it: a shard, a new generation, the index."""
    manifest = store.open_store(out).manifest
    info = store.ColumnInfo(name="mine", key=hashlib.sha256(b"mine").hexdigest(), kind="vector", dims=2)
    key = store.shard_key([info.key], [(item.id, item.fingerprint) for item in manifest])
    arrays = [store.UtteranceResult(0, array=np.full((1, 2), n, "f4")) for n in range(len(manifest))]
    prints = [item.fingerprint for item in manifest]
    store.commit_shard(out, store.ShardContent(key, (info,), manifest.ids, prints, {"mine": arrays}))
    store.publish_head(out, manifest, lambda latest: [*latest.groups, store.GroupInfo((info,), (key,))])
    store.build_index(out, manifest)


def test_a_column_that_was_computed_elsewhere_is_kept_and_cannot_be_extended(tmp_path, corpus):
    out = tmp_path / "st"

    def extract(items, features):
        return build_store(Manifest(items), root=tmp_path, out=out, columns=features, backend="serial")

    extract(corpus, "rms")
    add_column(out)
    extract(corpus, "zcr")
    opened = store.open_store(out)
    assert set(opened.columns) == {"rms", "zcr", "mine"}
    np.testing.assert_array_equal(opened["u2"]["mine"], [[2, 2]])
    with pytest.raises(ParameterError, match="column mine was computed elsewhere, and extraction cannot compute it for 1 new"):
        extract(corpus[:2], "rms")


def test_states_of_an_encoder_that_was_trained_here_say_on_whom_and_a_run_that_tests_on_these_is_refused(
    tiny_corpus, tiny_manifest, tmp_path
):
    pytest.importorskip("torch")
    from featurekit.experiments import Run, RunSettings
    from featurekit.runs import StoredRun

    def extract(features, corpus="demo", out=tmp_path / "st"):
        build_store(tiny_manifest, root=tiny_corpus, out=out, columns=features, corpus=corpus, backend="serial")
        return store.open_store(out)

    extract("lu2020")
    small = {"macros": 3, "layers": 1, "filters": 4, "units": 3, "projection": 6}
    how = {"epochs": 1, "device": "cpu", "batch_size": 8}
    settings = RunSettings(str(tmp_path / "st"), "rnnt-attention", "lu2020", hyper=small, training=how)
    run = StoredRun(Run(settings, runs=tmp_path / "runs").execute().folder)
    states = f"asr_encoder(model='{run.fold(0).path}')"
    request = f"states={states}, means=functionals(of={states})"
    split = run.fold(0).split
    columns = extract(request).columns
    assert columns["lu2020/fbank"].trained_on == ()
    assert set(columns["states"].trained_on) == {*split.train, *split.dev}
    assert columns["means"].trained_on == columns["states"].trained_on
    assert extract("rms").columns["states"].trained_on == columns["states"].trained_on
    other = RunSettings(str(tmp_path / "st"), "logistic", "states", split="speaker-kfold(k=3)", training=how)
    with pytest.raises(SplitError, match="states was trained on"):
        Run(other, runs=tmp_path / "runs")
    again = RunSettings(str(tmp_path / "st"), "logistic", "states", training=how)
    assert Run(again, runs=tmp_path / "runs").split.folds[0].test == split.test
    assert extract(request, "another", tmp_path / "another").columns["states"].trained_on == ()
