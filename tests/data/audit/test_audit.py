"""What an audit finds in splits whose faults are known, and that it finds nothing where there is none."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from featurekit.data import Fold, Normaliser, Split, get_task, make_split
from featurekit.data.audit import Severity, audit_corpus, audit_split, training_ids
from featurekit.data.tasks import class_maps
from featurekit.errors import SplitError
from featurekit.manifest import Manifest, Utterance


def split(manifest, train, dev=(), test=(), more=()):
    folds = (Fold("0", tuple(train), tuple(dev), tuple(test)), *more)
    return Split("given", folds, {}, "manifest", True, manifest.digest)


def utterances(*speakers, **changes):
    """One utterance a speaker, a0, b1, …; a change is a list with one value each."""
    return Manifest(
        Utterance(f"{who}{n}", f"{who}{n}.wav", speaker=who, **{key: values[n] for key, values in changes.items()})
        for n, who in enumerate(speakers)
    )


def only(audit, kind):
    """The findings of a kind, as (severity, parts, count, of)."""
    return [(str(f.severity), f.parts, f.count, f.of) for f in audit.findings if f.kind == kind]


def test_a_speaker_in_train_and_test_is_a_leak_and_in_train_and_dev_a_warning():
    manifest = utterances("a", "b", "c", "a", "b", "d")
    found = audit_split(split(manifest, ["a0", "b1"], ["b4", "c2"], ["a3", "d5"]), manifest)
    assert only(found, "speaker") == [("leak", ("train", "test"), 1, 2), ("warning", ("train", "dev"), 1, 2)]
    assert not found.ok
    assert found.verdict.startswith("SPEAKERS OVERLAP between parts: 1 of 2 speakers of test is in train")
    clean = audit_split(split(manifest, ["a0", "a3"], ["b1", "b4"], ["d5"]), manifest)
    assert clean.ok
    assert clean.findings == ()
    assert clean.verdict == "speaker-disjoint; text not checked; audio not checked"


def test_speakers_shared_with_dev_alone_do_not_inflate_but_are_said():
    manifest = utterances("a", "a", "b")
    found = audit_split(split(manifest, ["a0"], ["a1"], ["b2"]), manifest)
    assert found.ok
    assert found.verdict.startswith("speaker-disjoint in test, but 1 of 1 speaker of dev is in train")


def test_one_utterance_in_two_parts_is_a_leak():
    manifest = utterances("a", "b")
    assert ("leak", ("train", "test"), 1, 1) in only(audit_split(split(manifest, ["a0"], (), ["a0"]), manifest), "utterance")


@pytest.mark.parametrize("kind", ["speaker-disjoint", "loso", "speaker-kfold"])
def test_our_own_splits_are_clean(make, kind):
    manifest = make.manifest()
    found = audit_split(make_split(kind, manifest, get_task("emotion", manifest)), manifest)
    assert found.ok
    assert found.verdict.startswith("speaker-disjoint")


def test_recordings_of_unknown_speakers_must_not_be_shared():
    manifest = utterances("", "", "", recording=["r", "r", "q"])
    found = audit_split(split(manifest, ["0"], (), ["1", "2"]), manifest)
    assert only(found, "recording") == [("leak", ("train", "test"), 1, 1)]
    assert found.verdict.startswith("RECORDINGS OVERLAP between parts, speakers unknown")
    found = audit_split(split(manifest, ["0", "1"], (), ["2"]), manifest)
    assert found.verdict.startswith("recording-disjoint, speakers unknown")


def test_the_two_sides_of_a_dialogue_share_their_recording_and_it_is_noted():
    manifest = utterances("a", "b", "c", "b", recording=["r", "r", "q", "q"], labels=[{"session": 1}] * 4)
    found = audit_split(split(manifest, ["a0"], ["c2"], ["b1", "b3"]), manifest)
    assert found.ok
    assert {row[0] for row in only(found, "recording")} == {"note"}
    assert ("note", ("train", "test"), 1, 1) in only(found, "session")
    assert "sessions shared" in found.verdict


def test_nothing_is_known_where_every_utterance_is_its_own_speaker():
    manifest = Manifest(Utterance(name, f"{name}.wav", speaker=name) for name in "abc")
    found = audit_split(split(manifest, "a", "b", "c"), manifest)
    assert found.speakers == "none"
    assert found.verdict.startswith("utterance-disjoint only")


def test_utterances_without_a_speaker_are_counted():
    manifest = utterances("a", "b", "", "c")
    found = audit_split(split(manifest, ["a0", "2"], ["b1"], ["c3"]), manifest)
    assert "1 of 4 utterances name no speaker" in found.verdict


LONG = "We have been waiting here since the early morning."


def test_a_long_text_in_two_parts_is_a_leak_and_a_short_one_a_note():
    again = "we have  been waiting here, SINCE the early morning"
    manifest = utterances(
        "a", "b", "c", "d", "e", "f", text=[LONG, again, "Yeah.", "yeah", "no", "What did she say to you then?"]
    )
    found = audit_split(split(manifest, ["a0", "c2", "e4"], (), ["b1", "d3", "f5"]), manifest)
    assert only(found, "text") == [("leak", ("train", "test"), 1, 2), ("note", ("train", "test"), 1, 1)]
    assert found.leaks[0].examples == (f"“{LONG}”",)
    assert "1 of 2 texts of test is in train" in found.verdict


def test_sentences_that_everybody_says_are_shared_by_design():
    said = ["Kids are talking by the door", "Dogs are sitting by the door"] * 4
    manifest = utterances("a", "a", "b", "b", "c", "c", "d", "d", text=said)
    found = audit_split(split(manifest, ["a0", "a1", "b2", "b3"], ["c4", "c5"], ["d6", "d7"]), manifest)
    assert found.ok
    assert found.fixed_sentences == 2
    assert "2 sentences shared by design" in found.verdict


def test_a_few_phrases_that_everybody_says_do_not_make_speech_fixed():
    manifest = utterances("a", "b", "c", "d", "a", "b", text=[LONG, LONG + " Yes.", "yeah", "yeah", "yeah", "yeah"])
    assert audit_split(split(manifest, ["a0", "c2", "a4"], (), ["b1", "d3", "b5"]), manifest).fixed_sentences == 0


def test_a_text_that_only_some_utterances_have_is_said_so():
    manifest = utterances("a", "b", text=["yes", ""])
    assert audit_split(split(manifest, ["a0"], (), ["b1"]), manifest).checked["text"] == "known of 1 of 2 utterances"


def test_a_child_in_another_part_than_its_parent_is_a_leak():
    manifest = Manifest(
        [
            Utterance("a", "a.wav", speaker="s"),
            Utterance("b", "b.wav", speaker="t"),
            Utterance("a-fast", "a.wav", speaker="x", parent="a", perturbation="speed 1.1"),
            Utterance("a-slow", "a.wav", speaker="y", parent="a", perturbation="speed 0.9"),
        ]
    )
    assert only(audit_split(split(manifest, ["b", "a-fast"], (), ["a"]), manifest), "children") == [
        ("leak", ("train", "test"), 1, 0)
    ]
    assert only(audit_split(split(manifest, ["b", "a-fast"], (), ["a-slow"]), manifest), "children")  # siblings
    assert not only(audit_split(split(manifest, ["a", "a-fast", "a-slow"], (), ["b"]), manifest), "children")


def test_the_same_bytes_in_two_parts_are_a_leak_on_any_manifest_that_knows_them():
    manifest = utterances("a", "b", "c", fingerprint=["1" * 64, "1" * 64, "2" * 64])
    found = audit_split(split(manifest, ["a0"], (), ["b1", "c2"]), manifest)
    assert only(found, "same-audio") == [("leak", ("train", "test"), 1, 0)]
    assert found.leaks[0].examples == ("a0 and b1",)
    assert found.checked["audio"] == "compared by bytes only"
    assert audit_split(split(manifest, ["a0", "b1"], (), ["c2"]), manifest).ok


def test_segments_that_overlap_in_time_are_a_leak():
    segments = [(0.0, 2.0), (1.5, 3.0), (2.05, 4.0), (1.0, 1.2)]
    manifest = Manifest(
        Utterance(f"u{n}", "one.wav" if n < 3 else "two.wav", start=start, end=end, speaker=f"s{n}")
        for n, (start, end) in enumerate(segments)
    )
    found = audit_split(split(manifest, ["u0"], (), ["u1", "u3"]), manifest)
    assert [finding.examples for finding in found.leaks] == [("u0 and u1 (share 0.5 s)",)]
    assert audit_split(split(manifest, ["u0"], (), ["u2", "u3"]), manifest).ok  # they meet within the tables' rounding


def test_the_two_channels_of_a_call_do_not_overlap():
    sides = [Utterance(f"u{c}", "c.wav", start=0.0, end=2.0, channel=c, speaker=f"s{c}") for c in (0, 1)]
    assert audit_split(split(Manifest(sides), ["u0"], (), ["u1"]), Manifest(sides)).ok


def test_a_normaliser_that_saw_more_than_training_is_found(make, store):
    fold = make_split("speaker-disjoint", store.manifest, get_task("emotion", store.manifest), dev=0.3, test=0.3).fold()
    whole = split(store.manifest, fold.train, fold.dev, fold.test)
    scopes = {
        None: fold.train,
        Severity.WARNING: (*fold.train, *fold.dev),
        Severity.LEAK: (*fold.train, *fold.dev, *fold.test),
    }
    for severity, ids in scopes.items():
        fitted = Normaliser.fit(store, ["x/c0"], ids).to_dict()
        found = audit_split(whole, store.manifest, normalisers={"0": fitted}).findings
        assert [item.severity for item in found if item.kind == "normaliser"] == ([severity] if severity else [])
    other = audit_split(whole, store.manifest, normalisers={"0": Normaliser.fit(store, ["x/c0"], fold.train[:3]).to_dict()})
    assert "not the" in other.verdict


def test_a_learnt_column_that_was_trained_on_test_utterances_is_found(store):
    ids = store.manifest.ids
    learnt = dataclasses.make_dataclass("Learnt", ["trained_on"])
    store.columns["emb"] = learnt((ids[0], ids[-1]))
    assert training_ids(store) == {"emb": (ids[0], ids[-1])}
    found = audit_split(split(store.manifest, ids[:8], ids[8:16], ids[16:]), store.manifest, trained_on=training_ids(store))
    assert only(found, "embedding") == [("leak", ("train", "test"), 1, 32)]
    assert "column emb was trained on 1 of 32 utterances of test" in found.verdict
    whole = split(store.manifest, ids[:8], ids[8:16], ids[16:])
    unread = audit_split(whole, store.manifest, trained_on=training_ids(store), not_read=["emb"])
    assert only(unread, "embedding") == [("note", ("train", "test"), 1, 32)]


def test_the_worst_fold_speaks_for_all():
    manifest = utterances("a", "a", "b", "b", "c", "c")
    more = [Fold("1", ("a0", "b2", "c4"), (), ("a1", "b3", "c5"))]
    found = audit_split(split(manifest, ["a0", "b2"], (), ["a1", "c4"], more), manifest)
    assert "in 2 of 2 folds: 3 of 3 speakers of test are in train" in found.verdict
    (row,) = found.rows()
    assert row[:5] == ("leak", "speaker", "train/test", "2 of 2", "3 of 3 speakers of test are in train")


def test_a_split_without_utterances_or_of_another_manifest_is_refused():
    manifest = utterances("a", "b")
    with pytest.raises(SplitError, match="nothing to audit"):
        audit_split(split(manifest, ()), manifest)
    with pytest.raises(SplitError, match=r"made for another manifest.*lacks 1 of its ids.*zz"):
        audit_split(split(manifest, ["a0"], (), ["zz"]), manifest)
    with pytest.raises(SplitError, match="nothing to audit"):
        audit_corpus(Manifest([]))


def test_an_empty_part_is_a_warning():
    manifest = utterances("a")
    assert only(audit_split(split(manifest, ["a0"]), manifest), "empty-part") == [("warning", ("test",), 0, 0)]


def test_a_corpus_without_a_split_is_told_what_to_keep_together():
    manifest = utterances("a", "b", "c", fingerprint=["1" * 64, "1" * 64, "2" * 64])
    found = audit_corpus(manifest)
    assert found.ok
    assert found.verdict.startswith("no split; 1 group of utterances with identical audio: keep each in one part")


def test_the_record_says_everything_and_is_json():
    import json

    manifest = utterances("a", "a")
    record = json.loads(json.dumps(audit_split(split(manifest, ["a0"], (), ["a1"]), manifest).to_record()))
    assert record["ok"] is False
    assert record["findings"][0]["parts"] == ["train", "test"]
    assert record["verdict"]


def test_ids_and_order_do_not_matter(make):
    manifest = make.manifest()
    mixed = Manifest([manifest.utterances[i] for i in np.random.default_rng(0).permutation(len(manifest))])
    given = make_split("random", manifest, get_task("emotion", manifest), allow_speaker_overlap=True)
    assert audit_split(given, manifest).to_record() == audit_split(given, mixed).to_record()


def test_an_utterance_too_short_for_a_fingerprint_is_not_called_checked(make):
    store = make.store(make.manifest(2, 2), dims=(2,))
    store.columns["luo/audio_fingerprint"] = store.columns["x/c0"]
    random = np.random.default_rng(0)
    frames = [random.integers(1, 65536, (length, 2)).astype(np.float32) for length in (100, 100, 100, 20)]
    frames[2] = frames[0][10:]
    store.values["luo/audio_fingerprint"] = frames
    ids = store.manifest.ids
    found = audit_split(split(store.manifest, ids[:2], (), ids[2:]), store.manifest, sounds=store)
    assert found.checked["audio"] == "known of 3 of 4 utterances"
    (leak,) = found.leaks
    assert (leak.kind, leak.examples) == ("near-duplicate", (f"{ids[0]} and {ids[2]} (0.0 % of bits differ)",))


def test_one_file_under_two_ids_is_found_without_looking_at_it():
    manifest = Manifest([Utterance("a", "x.wav", speaker="s"), Utterance("b", "x.wav", speaker="t")])
    assert only(audit_split(split(manifest, ["a"], (), ["b"]), manifest), "same-audio") == [("leak", ("train", "test"), 1, 0)]


def test_two_corpora_are_compared_in_canonical_words_each_by_its_own_raw_label():
    items = [
        Utterance(id="one/a", path="one/a.wav", speaker="one/s", labels={"emotion": "anger"}, fingerprint="1"),
        Utterance(id="one/b", path="one/b.wav", speaker="one/s", labels={"emotion": "happiness"}, fingerprint="2"),
        Utterance(id="two/a", path="two/a.wav", speaker="two/s", labels={"label": "angry"}, fingerprint="1"),
        Utterance(id="two/b", path="two/b.wav", speaker="two/s", labels={"label": "sad"}, fingerprint="2"),
    ]
    manifest = Manifest(items)
    ids = [item.id for item in items]
    split = Split("cross-corpus", (Fold("0", tuple(ids[:2]), (), tuple(ids[2:])),), {}, "manifest", True, manifest.digest)
    (error,) = [found for found in audit_split(split, manifest).findings if found.severity == "error"]
    assert (error.kind, error.pairs) == ("two-labels", (("one/b", "two/b", "happy and sad; identical audio"),))


def test_the_classes_that_count_are_those_of_the_task_that_is_learnt(tmp_path):
    own = tmp_path / "arousal.toml"
    own.write_text('[classes]\nhigh = ["angry", "happy"]\nlow = ["sad", "calm"]\n', "utf-8")
    words = ["angry", "happy", "sad", "calm"]
    manifest = Manifest(
        Utterance(f"{who}{word}", f"{who}{word[0] if word in words[2:] else 'x'}.wav", speaker=who, labels={"emotion": word})
        for who in "abc"
        for word in words
    )
    task = class_maps.mapped_by(get_task("emotion", manifest), str(own))
    made = make_split("loso", manifest, task, dev=0)
    (error,) = audit_split(made, manifest).errors  # angry and happy are one file: whoever does not know the map sees two labels
    assert error.count == 3
    assert audit_split(made, manifest, task=task).errors == []
