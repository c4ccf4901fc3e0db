"""Names of other people's lists meet the utterances of a manifest, or nothing; never a wrong one."""

from __future__ import annotations

from featurekit.data.splits.lookup import look_up
from featurekit.manifest import Manifest, Utterance


def found(paths, *wanted, ids=None):
    manifest = Manifest(Utterance(id=ids[n] if ids else path[:-4], path=path) for n, path in enumerate(paths))
    return list(look_up(manifest, wanted).values())


def test_an_exact_id_or_path_comes_before_a_name_that_is_only_alike():
    paths = ["a/One.wav", "a/one.wav", "b/two.wav"]
    assert found(paths, ("a/one",), ("a/One.wav",), ("b/two",)) == ["a/one", "a/One", "b/two"]
    assert found(["x/b.wav", "b.wav"], ("q", "b.wav"), ids=["b.wav-of-x", "other"]) == ["other"]


def test_case_unicode_form_and_the_suffix_of_a_format_do_not_matter():
    assert found(["KL/a01.wav"], ("savee-kl-a01", "kl-a01", "kl/a01.WAV")) == ["KL/a01"]
    assert found(["mu\u0308ller/1.wav"], ("M\u00fcller/1",)) == ["mu\u0308ller/1"]
    assert found(["test/dia0_utt0.wav"], ("meld-0", "test/dia0_utt0.mp4")) == ["test/dia0_utt0"]


def test_a_dot_in_a_name_is_no_suffix():
    assert found(["Ses01.wav"], ("Ses01.F000",)) == [None]
    assert found(["Ses01.F000.wav"], ("x", "ses01.f000.flac")) == ["Ses01.F000"]


def test_a_name_that_two_utterances_have_says_nothing():
    paths = ["train/dia0.wav", "test/dia0.wav"]
    assert found(paths, ("dia0",)) == [None]
    assert found(paths, ("elsewhere/dia0.wav",)) == [None]
    assert found(["A/x.wav", "a/X.wav"], ("a/x",)) == [None]


def test_a_name_that_the_list_has_twice_is_not_taken_without_its_folder():
    assert found(["train/dia0.wav"], ("train/dia0.mp4",), ("test/dia0.mp4",)) == ["train/dia0", None]
    assert found(["train/dia0.wav"], ("elsewhere/dia0.mp4",)) == ["train/dia0"]


def test_the_folders_above_may_be_others_where_the_end_of_a_path_is_one_files():
    here = ["MELD.Raw/train_splits/dia0.wav", "MELD.Raw/test_splits/dia0.wav"]
    listed = ("train/train_splits/dia0.mp4",), ("test_splits/dia0.mp4",)
    assert found(here, *listed) == ["MELD.Raw/train_splits/dia0", "MELD.Raw/test_splits/dia0"]
    assert found(["x/a/1.wav", "y/a/1.wav"], ("z/a/1.wav",)) == [None]
    assert found(["x/a/1.wav", "y/a/1.wav"], ("q/y/a/1.wav",)) == ["y/a/1"]


def test_children_and_stretches_are_found_by_their_id_alone():
    manifest = Manifest([Utterance(id="s", path="a.wav", start=0.5), Utterance(id="c", path="b.wav", parent="b")])
    assert list(look_up(manifest, [("a.wav",), ("b.wav",), ("S",), ("c",)]).values()) == [None, None, "s", "c"]
