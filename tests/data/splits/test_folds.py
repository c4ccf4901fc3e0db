from __future__ import annotations

import json

import pytest

from featurekit.data.splits.folds import Fold, Split
from featurekit.errors import ParameterError, SplitError
from featurekit.manifest import Manifest, Utterance

FOLD = Fold("0", ("a",), (), ("b",))


def split(**changes):
    fields = {"kind": "loso", "folds": (FOLD,), "settings": {"seed": 0}, "speaker_source": "manifest"}
    return Split(**{**fields, "allow_speaker_overlap": False, "manifest_digest": "m", **changes})


def test_the_identity_is_the_folds_and_settings_and_not_the_manifest_or_notes():
    assert split().digest == split(manifest_digest="other", notes={"shared_recordings": {"0": ["r"]}}).digest
    for changes in ({"settings": {"seed": 1}}, {"speaker_source": "recording"}, {"allow_speaker_overlap": True}, {"kind": "x"}):
        assert split(**changes).digest != split().digest
    assert split(folds=(Fold("0", ("b",), (), ("a",)),)).digest != split().digest


def test_overlap_is_only_claimed_where_speakers_are_shared():
    assert split(allow_speaker_overlap=True).verdict == "speaker-disjoint"
    assert "OVERLAP" in split(allow_speaker_overlap=True, notes={"shared_speakers": {"0": 3}}).verdict


def test_a_split_for_another_manifest_is_refused_and_one_that_has_every_id_keeps_a_note():
    manifest = Manifest(Utterance(id=name, path="x.wav") for name in "abc")
    made = split(manifest_digest=manifest.digest)
    assert made.on(manifest) is made
    larger = split().on(manifest)
    assert larger.notes["other_manifest"] == "m"
    assert larger.digest == made.digest
    with pytest.raises(SplitError, match=r"another manifest: this one lacks 1 of its ids \(b\).*featurekit split"):
        made.on(Manifest([manifest["a"]]))


def test_a_file_that_was_edited_is_refused(tmp_path):
    path = tmp_path / "split.json"
    split().write(path)
    record = json.loads(path.read_text())
    assert record["digest"] == split().digest
    assert Split.read(path) == split()
    record["folds"][0]["train"] = ["c"]
    path.write_text(json.dumps(record))
    with pytest.raises(ParameterError, match="changed after it was written"):
        Split.read(path)
    del record["digest"]  # written by hand: there is nothing to compare with
    path.write_text(json.dumps(record))
    assert Split.read(path).fold().train == ("c",)
