"""One audio under two descriptions is one audio; one recording under two labels is an error."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from featurekit.corpora import read_corpus
from featurekit.data import Fold, Split
from featurekit.data.audit import audit_corpus, audit_split
from featurekit.data.audit.same import overlapping_segments, same_input
from featurekit.manifest import Manifest, Utterance


def two(first, second):
    """Utterances x and y of two speakers."""
    return Manifest([Utterance("x", **{"speaker": "ann", **first}), Utterance("y", **{"speaker": "bob", **second})])


def kinds(manifest):
    given = Split("given", (Fold("0", ("x",), (), ("y",)),), {}, "manifest", True, manifest.digest)
    return [finding.kind for finding in audit_split(given, manifest).leaks]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"path": "a/u.wav"}, {"path": "./a//u.wav"}),
        ({"path": "\u00e4.wav"}, {"path": "a\u0308.wav"}),
        ({"path": "u.wav", "start": 0.0, "end": 1.5}, {"path": "./u.wav", "start": 0.0, "end": 1.5}),
        ({"path": "u.wav", "end": 1.5}, {"path": "u.wav", "start": 0.0, "end": 1.5}),
        ({"path": "u.wav", "duration_s": 2.0}, {"path": "u.wav", "start": 0.0, "end": 2.0, "duration_s": 2.0}),
        ({"path": "u.wav", "duration_s": 2.0}, {"path": "u.wav", "start": 0.0, "end": 1.99}),
        ({"path": "u.wav", "start": 1.0, "duration_s": 2.0}, {"path": "u.wav", "start": 1.0, "end": 3.0}),
    ],
)
def test_one_audio_under_two_descriptions_is_identical(first, second):
    assert same_input(list(two(first, second))) == [("x", "y")]
    assert kinds(two(first, second))[0] == "same-audio"


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"path": "u.wav"}, {"path": "u.wav", "start": 1.0, "end": 1.5}),
        ({"path": "./u.wav", "duration_s": 2.0}, {"path": "u.wav", "start": 1.0, "end": 1.5}),
        ({"path": "u.wav", "start": 0.5}, {"path": "u.wav", "start": 1.0}),
    ],
)
def test_a_file_and_a_stretch_of_it_overlap(first, second):
    assert kinds(two(first, second)) == ["overlap"]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"path": "u.wav"}, {"path": "U.wav"}),
        ({"path": "u.wav", "start": 0.0, "end": 1.0}, {"path": "u.wav", "start": 1.0}),
        ({"path": "u.wav", "channel": 0}, {"path": "u.wav", "channel": 1}),
        ({"path": "u.wav", "end": 1.0, "channel": 0}, {"path": "u.wav", "channel": 1}),
    ],
)
def test_what_is_apart_is_no_leak(first, second):
    assert kinds(two(first, second)) == []


def test_what_path_and_what_bytes_say_is_joined():
    items = [
        Utterance("a", "u.wav", fingerprint="1"),
        Utterance("b", "./u.wav"),
        Utterance("c", "v.wav", fingerprint="1"),
        Utterance("d", "w.wav", fingerprint="2"),
    ]
    assert same_input(items) == same_input(items[::-1]) == [("a", "b", "c")]


def labelled(*labels, **changes):
    return Manifest(
        Utterance(f"u{n}", "one.wav", speaker="s", labels={"emotion": label}, **{key: of[n] for key, of in changes.items()})
        for n, label in enumerate(labels)
    )


def test_one_recording_under_two_labels_is_an_error_and_not_advised_to_be_kept():
    found = audit_corpus(labelled("fear", "sad", "sad"))
    assert not found.ok
    (error,) = found.findings
    assert (error.kind, str(error.severity), error.count) == ("two-labels", "error", 2)
    assert error.examples == ("u0 and u1 (fear and sad; identical audio)", "u0 and u2 (fear and sad; identical audio)")
    assert "kept" not in found.verdict
    assert "keep each" not in found.verdict
    agreed = audit_corpus(labelled("sad", "sad"))
    assert agreed.ok
    assert "keep each in one part" in agreed.verdict


def test_a_split_of_such_a_corpus_is_an_error_by_the_classes_of_its_task():
    manifest = labelled("fear", "sad")
    given = Split("given", (Fold("0", ("u0", "u1"), (), ()),), {"task": "emotion"}, "manifest", True, manifest.digest)
    found = audit_split(given, manifest)
    assert not found.ok
    assert "1 pair of utterances is one recording under two labels" in found.verdict
    scores = Manifest(Utterance(f"u{n}", "one.wav", speaker="s", labels={"score": score}) for n, score in enumerate([1.0, 2.0]))
    both_positive = Split("given", (Fold("0", ("u0", "u1"), (), ()),), {"task": "sentiment3"}, "manifest", True, scores.digest)
    assert audit_split(both_positive, scores).ok
    assert not audit_corpus(scores).ok


def test_stretches_that_are_mostly_the_same_may_not_have_two_labels_unless_two_people_speak():
    times = {"start": [0.0, 0.1], "end": [2.0, 2.0]}
    assert [finding.kind for finding in audit_corpus(labelled("fear", "sad", **times)).findings] == ["two-labels"]
    windows = {"start": [0.0, 1.0], "end": [2.0, 3.0]}
    assert audit_corpus(labelled("fear", "sad", **windows)).ok
    crosstalk = Manifest(
        Utterance(f"u{n}", "one.wav", start=n / 10, end=2.0, speaker=f"s{n}", labels={"emotion": "ab"[n]}) for n in (0, 1)
    )
    assert audit_corpus(crosstalk).ok


def test_a_near_duplicate_under_two_labels_is_an_error_and_every_pair_is_named(make):
    labels = ["a", "b"] * 5 + ["a"] * 10
    manifest = Manifest(Utterance(f"u{n:02d}", f"u{n}.wav", speaker=f"s{n}", labels={"emotion": labels[n]}) for n in range(20))
    store = make.store(manifest, dims=(2,))
    store.columns["audio_fingerprint"] = store.columns["x/c0"]
    random = np.random.default_rng(0)
    frames = [random.integers(1, 65536, (100, 2)).astype(np.float32) for _ in range(10)]
    store.values["audio_fingerprint"] = [one[n % 2 * 10 :] for one in frames for n in (0, 1)]
    found = audit_corpus(manifest, sounds=store)
    by_kind = {finding.kind: finding for finding in found.findings}
    assert by_kind["two-labels"].count == len(by_kind["two-labels"].pairs) == 5
    assert by_kind["near-duplicate"].count == len(by_kind["near-duplicate"].examples) == 5
    assert by_kind["two-labels"].examples[0] == "u00 and u01 (a and b; 0.0 % of bits differ)"


def test_ratings_are_labels_too():
    rated = [{"valence": 3.0, "arousal": 2.0, "activation": 2.0, "dominance": 1.0}, {"valence": 4.0, "arousal": 2.0}]
    manifest = Manifest(Utterance(f"u{n}", "one.wav", speaker="s", labels=rated[n]) for n in (0, 1))
    assert [finding.kind for finding in audit_corpus(manifest).errors] == ["two-labels"]


def scored(*scores, key="score", task=""):
    manifest = Manifest(Utterance(f"u{n}", "one.wav", speaker="s", labels={key: score}) for n, score in enumerate(scores))
    if not task:
        return audit_corpus(manifest)
    ids = tuple(manifest.ids)
    return audit_split(Split("given", (Fold("0", ids, (), ()),), {"task": task}, "manifest", True, manifest.digest), manifest)


@pytest.mark.parametrize(
    ("scores", "key", "task", "is_one"),
    [
        ((0.75, 0.8), "score", "", True),
        ((-2.6, -2.0), "score", "", True),  # 0.6 of a scale of 6
        ((-2.6, -1.9), "score", "", False),
        ((0.4, 0.6), "score", "sentiment3", False),  # neutral and positive
        ((0.6, 3.0), "score", "sentiment3", True),
        ((0.4, 0.6), "score", "sentiment-score", True),
        ((0.6, 3.0), "score", "sentiment-score", False),
        ((3.0, 3.4), "valence", "", True),  # a scale of 1 to 5
        ((3.0, 3.5), "valence", "", False),
        ((6.0, 6.5), "valence", "", True),  # of 1 to 7
        ((40, 60, 0, 100), "score", "", False),
        ((1, 2), "label", "", False),  # a class may be called by a number
        (("1.0", "1.1"), "score", "", False),
    ],
)
def test_ratings_are_two_labels_where_raters_means_do_not_differ_so_by_themselves(scores, key, task, is_one):
    found = scored(*scores, key=key, task=task)
    assert [finding.kind for finding in found.errors] == ([] if is_one else ["two-labels"])


def test_of_three_ratings_each_pair_is_judged():
    (error,) = scored(0.0, 0.5, 1.0).errors
    assert error.pairs == (("u0", "u2", "0 and 1; identical audio"),)


def test_the_segments_of_mosi_that_are_there_twice_do_not_contradict_each_other(real_corpora):
    found = audit_corpus(read_corpus("mosi", real_corpora / "mosi_labels"))
    assert not found.errors


def test_a_part_of_a_recording_names_its_other_label_and_contradicts_nothing(make):
    manifest = Manifest(Utterance(f"u{n}", f"u{n}.wav", speaker="s", labels={"emotion": "ab"[n]}) for n in (0, 1))
    store = make.store(manifest, dims=(2,))
    store.columns["audio_fingerprint"] = store.columns["x/c0"]
    whole = np.random.default_rng(0).integers(1, 65536, (200, 2)).astype(np.float32)
    store.values["audio_fingerprint"] = [whole, whole[100:]]
    found = audit_corpus(manifest, sounds=store)
    assert found.ok
    assert [finding.examples for finding in found.findings] == [("u0 and u1 (0.0 % of bits differ; labels a and b)",)]


def test_thousands_of_rows_of_one_whole_file_are_quick():
    """Each pair of them was kept in a set: 2,000 rows took four million entries."""
    items = [Utterance(f"u{n}", "one.wav", speaker="s", labels={"emotion": "a"}) for n in range(300)]
    same = same_input(items)
    tracemalloc.start()
    assert overlapping_segments(items, same).found == []
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1e6  # 300 rows; their pairs were 10 MB
