"""Verdicts on corpora as they are published."""

from __future__ import annotations

import pytest

from featurekit import corpora
from featurekit.data import get_task, make_split
from featurekit.data.audit import audit_split
from featurekit.extraction.fingerprints import fingerprint

TWICE = {"03-01-03-01-02-01-07", "03-01-03-01-02-02-07"}


@pytest.fixture(scope="module")
def ravdess(real_corpora, tmp_path_factory):
    root = real_corpora / "ravdess"
    if not root.is_dir():
        pytest.skip("RAVDESS is not here")
    return fingerprint(corpora.read_corpus("ravdess", root), root, tmp_path_factory.mktemp("hashes") / "h.jsonl")[0]


@pytest.fixture(scope="module")
def emodb(real_corpora):
    if not (real_corpora / "emodb").is_dir():
        pytest.skip("EMO-DB is not here")
    return corpora.read_corpus("emodb", real_corpora / "emodb")


def test_random_splits_of_ravdess_share_all_speakers_and_part_the_pair_of_actor_07(ravdess):
    parted = 0
    for seed in range(6):
        split = make_split("random", ravdess, get_task("emotion", ravdess), seed=seed, allow_speaker_overlap=True)
        found = audit_split(split, ravdess)
        assert "24 of 24 speakers of test are in train" in found.verdict
        tested = TWICE & set(split.fold().test)
        same = [finding for finding in found.leaks if finding.kind == "same-audio"]
        assert bool(same) is (len(tested) == 1)
        assert all(set(finding.examples[0].split(" and ")) == TWICE for finding in same)
        parted += len(tested) == 1
    assert parted  # or the test has shown nothing


@pytest.mark.parametrize("kind", ["ravdess-luna2021", "ravdess-emobox", "speaker-kfold"])
def test_subject_wise_folds_of_ravdess_are_clean_but_for_the_two_sentences(ravdess, kind):
    found = audit_split(make_split(kind, ravdess, get_task("emotion", ravdess)), ravdess)
    assert found.ok
    assert found.verdict.startswith("speaker-disjoint; 2 sentences shared by design")


def test_leaving_one_speaker_of_emodb_out_is_clean_but_for_its_ten_sentences(emodb):
    found = audit_split(make_split("loso", emodb, get_task("emotion", emodb)), emodb)
    assert found.verdict == "speaker-disjoint; 10 sentences shared by design; audio not checked"


def test_emoboxs_own_folds_of_emodb_share_all_ten_speakers(emodb):
    split = make_split("emodb-emobox", emodb, get_task("emotion", emodb), allow_speaker_overlap=True, dev=0.0)
    found = [finding for finding in audit_split(split, emodb).leaks if finding.kind == "speaker"]
    assert [(finding.count, finding.of) for finding in found] == [(10, 10)] * 5


def test_the_standard_folds_of_mosi_part_recordings_and_repeat_no_text(real_corpora):
    if not (real_corpora / "mosi_labels").is_dir():
        pytest.skip("MOSI's tables are not here")
    manifest = corpora.read_corpus("mosi", real_corpora / "mosi_labels")
    found = audit_split(make_split("mosi-standard", manifest, get_task("sentiment3", manifest)), manifest)
    assert found.leaks == []
    assert found.verdict.startswith("recording-disjoint, speakers unknown; text known of 2195 of 2199 utterances")
