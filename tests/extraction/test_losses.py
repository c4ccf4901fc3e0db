"""An extraction that would take something out of a store is refused, unless somebody agrees."""

import dataclasses
import shutil
from pathlib import Path

import pytest

import featurekit as fk
from featurekit import extraction
from featurekit.errors import ParameterError
from featurekit.manifest import Manifest, Utterance


@pytest.fixture
def root(tiny_corpus, tmp_path):
    """A folder of four files, a to d."""
    (tmp_path / "root").mkdir()
    for name, audio in zip("abcd", sorted(tiny_corpus.rglob("*.flac")), strict=False):
        shutil.copy(audio, tmp_path / "root" / f"{name}.flac")
    return tmp_path / "root"


def manifest(names):
    return Manifest(Utterance(id=name, path=f"{name}.flac") for name in names)


def build(names, root, **more):
    utterances = names if isinstance(names, Manifest) else manifest(names)
    return extraction.build_store(utterances, root=root, out=root.parent / "s", columns="rms", backend="serial", **more)


def dry_run(names, root, **more):
    return extraction.dry_run(manifest(names), root=root, out=root.parent / "s", columns="rms", backend="serial", **more)


def test_another_table_is_refused_with_counts_before_anything_is_written(root):
    build("abcd", root)
    before = {path: path.read_bytes() for path in (root.parent / "s").rglob("*") if path.is_file()}
    for attempt in (build, dry_run):
        with pytest.raises(ParameterError, match=r"would remove 3 of the 4 utterances that .*/s has; nothing was changed"):
            attempt("a", root)
    assert before == {path: path.read_bytes() for path in (root.parent / "s").rglob("*") if path.is_file()}
    assert dry_run("a", root, replace=True).losses.removed == 3
    lost = build("a", root, replace=True).losses
    assert (lost.removed, lost.had, lost.generation) == (3, 4, 1)
    assert fk.open_store(root.parent / "s").ids == ["a"]
    assert not build("abcd", root).losses.removed  # more is no loss


def test_files_that_are_gone_are_refused_since_their_values_would_be_failures(root):
    build("abcd", root)
    (root / "b.flac").unlink()
    with pytest.raises(ParameterError, match=r"lose the values of 1 of the 4, .* Is the disk with the audio mounted"):
        build("abcd", root)
    assert fk.open_store(root.parent / "s")["b"]["rms"].size
    assert build("abcd", root, replace=True).losses.missing == 1


def test_the_same_names_over_other_audio_are_another_corpus_but_a_few_are_repairs(root):
    build("abcd", root)
    (root / "a.flac").write_bytes((root / "b.flac").read_bytes())
    assert build("abcd", root).losses.changed == 1
    for name in "abc":
        (root / f"{name}.flac").write_bytes((root / "d.flac").read_bytes())
    with pytest.raises(ParameterError, match="replace the values of 3 of the 4, whose audio is another"):
        build("abcd", root)
    assert not build("abcd", root, replace=True).failed


def test_utterances_without_values_are_no_loss(root):
    good = (root / "a.flac").read_bytes()
    for name in "abc":
        (root / f"{name}.flac").write_bytes(b"version https://git-lfs.github.com/spec/v1")
    assert len(build("abcd", root).failed) == 3
    (root / "a.flac").write_bytes(good)
    (root / "b.flac").unlink()
    assert len(build("abd", root).failed) == 1  # a is repaired, b is gone, c is given up


def test_other_labels_are_no_loss(root):
    build("abcd", root)
    corrected = Manifest(dataclasses.replace(item, labels={"emotion": "calm"}) for item in manifest("dcba"))
    assert build(corrected, root).losses == extraction.Losses(had=4, generation=1)


def test_a_loss_that_appears_while_another_extraction_publishes_is_refused(root, monkeypatch):
    from featurekit import store

    build("ab", root)
    real, done = store.publish_head, []

    def late(path, utterances, groups):
        if not done:
            done.append(True)
            build("abcd", root)
        return real(path, utterances, groups)

    monkeypatch.setattr(store, "publish_head", late)
    with pytest.raises(ParameterError, match="would remove 1 of the 4"):
        build("abc", root)
    assert len(fk.open_store(Path(root.parent / "s"))) == 4
