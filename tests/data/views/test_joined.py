"""Two stores read as one: train on the first corpus, test on the second."""

from __future__ import annotations

import dataclasses
import pickle

import numpy as np
import pytest

from featurekit import extraction, store
from featurekit.data import Dataset, JoinedStore, make_split, usable_ids
from featurekit.data.views.store_view import StoreView
from featurekit.errors import ParameterError, SplitError
from featurekit.manifest import Manifest

COLUMNS = ["rms", "spectral_centroid"]
WORDS = {-1: "bad", 0: "middling", 1: "good"}


@pytest.fixture(scope="module")
def pair(tiny_corpus, tiny_manifest, tmp_path_factory):
    """(store of the tiny corpus, store of half of it as another corpus, in words, whose rms has another name)."""
    out = tmp_path_factory.mktemp("joined")
    half = [
        dataclasses.replace(
            item, labels={"sentiment": WORDS[0 if abs(item.labels["score"]) < 1 else int(np.sign(item.labels["score"]))]}
        )
        for item in tiny_manifest.utterances[:18]
    ]
    for name, manifest, columns in (
        ("one", tiny_manifest, "rms,spectral_centroid"),
        ("two", Manifest(half), "spectral_centroid,loud=rms,zcr"),
    ):
        extraction.build_store(manifest, root=tiny_corpus, out=out / name, columns=columns, corpus=name, backend="serial")
    return store.open_store(out / "one"), store.open_store(out / "two")


def test_rows_are_the_firsts_then_the_seconds_under_prefixed_names(pair):
    one, two = pair
    joined = JoinedStore(one, two)
    assert joined.corpus == "one-to-two"
    assert isinstance(joined, StoreView)
    assert joined.ids == [*(f"one/{name}" for name in one.ids), *(f"two/{name}" for name in two.ids)]
    assert sorted(joined.columns) == COLUMNS  # what both have, by key; zcr is in one only
    for index, source, own in ((3, one, 3), (len(one) + 5, two, 5)):
        np.testing.assert_array_equal(joined.read("rms", index), source.read("rms" if source is one else "loud", own))
    np.testing.assert_array_equal(joined.lengths("rms"), np.r_[one.lengths("rms"), two.lengths("loud")])
    item = joined.manifest.utterances[len(one)]
    assert (item.speaker, item.recording) == (
        f"two/{two.manifest.utterances[0].speaker}",
        f"two/{two.manifest.utterances[0].recording}",
    )
    again = pickle.loads(pickle.dumps(joined))
    np.testing.assert_array_equal(again.read("rms", 3), one.read("rms", 3))
    assert again.digest == joined.digest != JoinedStore(two, one).digest


def test_a_store_cannot_be_joined_with_itself_or_with_one_without_a_common_column(pair, tiny_corpus, tiny_manifest, tmp_path):
    with pytest.raises(ParameterError, match="called alike"):
        JoinedStore(pair[0], pair[0])
    extraction.build_store(tiny_manifest, root=tiny_corpus, out=tmp_path / "s", columns="zcr", corpus="three", backend="serial")
    with pytest.raises(ParameterError, match=r"no column in common.*same --features"):
        JoinedStore(pair[0], store.open_store(tmp_path / "s"))


def fake_tasks(monkeypatch):
    """A scheme over the words above, whose good and bad are those of a scheme over scores."""
    from featurekit.data.tasks import Task
    from featurekit.data.views import joined

    def of_words(item):
        return {"good": "positive", "bad": "negative", "middling": "neutral"}.get(item.labels.get("sentiment", ""))

    def of_scores(item):
        score = item.labels.get("score")
        return None if score is None else "" if score == 0 else "negative" if score < 0 else "positive"

    schemes = {
        "words": Task("words", ("negative", "neutral", "positive"), of_words, "words"),
        "signs": Task("signs", ("negative", "positive"), of_scores, "signs of scores"),
        "other": Task("other", ("yes", "no"), lambda item: "yes", "other"),
    }
    monkeypatch.setattr(joined, "get_task", lambda name, manifest: schemes[name])


def test_each_corpus_is_labelled_by_its_own_task_and_classes_training_lacks_are_left_out(pair, monkeypatch):
    fake_tasks(monkeypatch)
    joined = JoinedStore(*pair)
    with pytest.raises(ParameterError, match=r"one has no neutral \(\d+\) of two, the test corpus; 2 classes are in both: neg"):
        joined.task("signs", "words")
    task = joined.task("signs", "words", common=True)
    assert task.classes == ("negative", "positive")
    labels = {item.id: task.label_of(item) for item in joined.manifest}
    assert {labels[name] for name in joined.ids if name.startswith("two/")} == {"negative", "positive", ""}
    lost = [labels[name] for name in joined.ids[36:]].count("")
    assert joined.left_out(task, "signs", "words") == ({}, {"neutral": lost})
    with pytest.raises(ParameterError, match="no class is in both corpora: two has no negative"):
        joined.task("signs", "other", common=True)


def test_cross_corpus_tests_all_of_the_second_and_cuts_dev_from_the_first(pair, monkeypatch):
    fake_tasks(monkeypatch)
    joined = JoinedStore(*pair)
    task = joined.task("signs", "words", common=True)
    ids = usable_ids(joined, COLUMNS)
    split = make_split("cross-corpus", joined.manifest, task, ids=ids, train_on="one", test_on="two", dev=0.2)
    fold = split.fold()
    assert split.verdict == "speaker-disjoint"
    assert set(fold.test) == {name for name in ids if name.startswith("two/") and task.label_of(joined.manifest[name])}
    assert all(name.startswith("one/") for name in (*fold.train, *fold.dev))
    assert fold.dev
    data = Dataset(joined, COLUMNS, split, "test", task=task)
    assert data[0].frames[0].shape[1] == 2
    with pytest.raises(SplitError, match=r"needs test_on.*got 'three', the ids have one, two"):
        make_split("cross-corpus", joined.manifest, task, ids=ids, train_on="one", test_on="three")
