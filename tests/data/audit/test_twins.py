"""One person under two spellings: Unicode forms are one name everywhere, other spellings are a warning."""

from __future__ import annotations

import numpy as np
import pytest

from featurekit.data import Fold, SpeakerNormalisedStore, Split, make_split
from featurekit.data.audit import audit_corpus, audit_split
from featurekit.errors import SplitError
from featurekit.manifest import Manifest, Utterance

NFC, NFD = "J\u00fcrgen", "Ju\u0308rgen"


def corpus(*speakers, **changes):
    return Manifest(
        Utterance(
            f"u{n}",
            f"u{n}.wav",
            speaker=who,
            **{"labels": {"emotion": "ab"[n % 2]}, **{key: of[n] for key, of in changes.items()}},
        )
        for n, who in enumerate(speakers)
    )


def split(manifest, train, dev=(), test=()):
    return Split("given", (Fold("0", tuple(train), tuple(dev), tuple(test)),), {}, "manifest", True, manifest.digest)


def test_a_speaker_in_two_unicode_forms_is_a_leak():
    manifest = corpus(NFC, NFD, "ben")
    found = audit_split(split(manifest, ["u0"], (), ["u1", "u2"]), manifest)
    assert found.verdict.startswith("SPEAKERS OVERLAP between parts: 1 of 2 speakers of test is in train")
    given = Fold("0", ("u0",), (), ("u1", "u2"))
    from featurekit.data.splits import predefined

    with pytest.raises(SplitError, match=f"1 speakers are in more than one part .{NFC}."):
        predefined(manifest, "emotion", [given])


def test_loso_has_one_fold_for_both_forms_and_recordings_and_sessions_are_told_alike():
    sessions = [{"emotion": "ab"[n % 2], "session": name} for n, name in enumerate([NFC, NFC, NFD, NFD, "x", "x", "y", "y"])]
    manifest = Manifest(
        Utterance(f"u{n}", f"u{n}.wav", speaker=who, recording=f"{who} call", labels=sessions[n])
        for n, who in enumerate([NFC, NFC, NFD, NFD, "ben", "ben", "cleo", "cleo"])
    )
    assert [fold.name for fold in make_split("loso", manifest, dev=0).folds] == [NFC, "ben", "cleo"]
    assert [fold.name for fold in make_split("leave-one-session-out", manifest, dev=0).folds] == [NFC, "x", "y"]
    assert len(make_split("group-kfold", manifest, by="recording", k=3, dev=0).folds) == 3
    shared = audit_split(split(manifest, ["u0", "u4"], (), ["u2", "u6"]), manifest)
    assert {finding.kind for finding in shared.findings} >= {"speaker", "recording", "session"}


def test_a_label_in_two_unicode_forms_is_one_class():
    manifest = Manifest(
        Utterance(f"u{n}", f"u{n}.wav", speaker=f"s{n}", labels={"emotion": word})
        for n, word in enumerate(["col\u00e8re", "cole\u0300re", "joie"])
    )
    from featurekit.data import get_task

    assert get_task("emotion", manifest).classes == ("col\u00e8re", "joie")


def test_a_speaker_in_two_forms_is_normalised_as_one(make):
    names = [NFC, NFC, NFD, NFD]
    manifest = Manifest(Utterance(f"u{n}", f"u{n}.wav", speaker=who) for n, who in enumerate(names))
    store = make.store(manifest)
    view = SpeakerNormalisedStore(store)
    values = np.concatenate([view.read("x/c0", row) for row in range(4)])
    np.testing.assert_allclose(values.mean(axis=0), 0, atol=1e-5)


def test_another_spelling_in_train_and_test_is_a_warning_and_the_verdict_says_so():
    manifest = corpus("anna", "ANNA", "ben", "cleo")
    found = audit_split(split(manifest, ["u0", "u3"], (), ["u1", "u2"]), manifest)
    assert found.ok
    assert found.verdict.startswith(
        "speaker-disjoint as names are spelt, but 1 speaker may be in train and test under two spellings"
    )
    (warning,) = (finding for finding in found.findings if finding.kind == "speaker-twins")
    assert (str(warning.severity), warning.examples) == ("warning", ("ANNA and anna (case)",))
    assert warning.pairs == (("ANNA", "anna", "case"),)


def test_spellings_that_no_fold_parts_are_said_once_and_a_corpus_is_told_of_all():
    manifest = corpus("anna", "ANNA", "ben", "cleo")
    together = audit_split(split(manifest, ["u0", "u1"], ["u2"], ["u3"]), manifest)
    assert together.verdict.startswith("speaker-disjoint;")
    assert [finding.text for finding in together.findings] == ["1 speaker may be there under several spellings"]
    whole = audit_corpus(corpus("anna", "ANNA", "01", "1.0", labels=[{"label": x} for x in ("happy", "Happy ", "sad", "sad")]))
    assert {finding.kind: finding.count for finding in whole.findings} == {"speaker-twins": 2, "label-twins": 1}


def test_a_recording_under_two_spellings_is_a_warning_and_an_id_that_is_its_own_recording_is_none():
    manifest = corpus("a", "b", "c", "d", recording=["call_1", "call-1", "u2", "u3"])
    found = audit_split(split(manifest, ["u0", "u2"], (), ["u1", "u3"]), manifest)
    assert [finding.examples for finding in found.findings] == [("call-1 and call_1 (separators)",)]


def test_plain_speakers_are_no_twins():
    manifest = corpus(*(f"{number:02d}" for number in range(1, 25)))
    assert audit_corpus(manifest).findings == ()
