"""A run that says a model and a store only is the recipe of the model's paper; data that do not fit it are refused."""

import shutil
from dataclasses import replace

import numpy as np
import pytest

from featurekit import corpora, extraction
from featurekit.errors import ParameterError
from featurekit.experiments import Run, RunSettings
from featurekit.models import MODELS

SMALL_IMAGE = "spectrogram(height=16, width=16)"


@pytest.fixture(scope="module")
def both(tiny_corpus, tmp_path_factory):
    """A store with the paper's frames and a small image."""
    out = tmp_path_factory.mktemp("both") / "demo"
    manifest = corpora.read_corpus("demo", tiny_corpus)
    columns = f"luo2019-best4/mfcc,{SMALL_IMAGE}"
    extraction.build_store(manifest, root=tiny_corpus, out=out, columns=columns, corpus="demo", backend="serial")
    return out


def make(path, tmp_path, model, **changes):
    return Run(RunSettings(store=str(path), model=model, **changes), runs=tmp_path)


def test_a_model_alone_reads_the_columns_of_its_paper(tiny_store, tmp_path, monkeypatch):
    monkeypatch.setitem(MODELS._members, "resnet18", replace(MODELS.get("resnet18"), features="rms", augment=("shift",)))
    run = make(tiny_store, tmp_path, "resnet18")
    assert run.columns == ["rms"]
    assert run.augment == ("shift",)
    assert make(tiny_store, tmp_path, "resnet18", augment=()).augment == ()
    said = make(tiny_store, tmp_path, "resnet18", features="rms", augment=("shift",))
    assert said.digest == run.digest  # the same run, however it was said
    assert make(tiny_store, tmp_path, "resnet18", augment=()).digest != run.digest


def test_columns_of_the_paper_that_the_store_lacks_are_named_with_the_command_that_adds_them(tiny_store, tmp_path):
    with pytest.raises(ParameterError, match=r"no column luo2019-best4/mfcc.*featurekit extract .*--features luo2019-best4 "):
        make(tiny_store, tmp_path, "ub-bilstm")
    with pytest.raises(ParameterError, match=r"no column luo2019-image/spectrogram.*--features luo2019-image "):
        make(tiny_store, tmp_path, "sbcnn-lenet")
    with pytest.raises(ParameterError, match=r"asr_encoder needs a model: .* has 0 columns of it"):
        make(tiny_store, tmp_path, "asr-linear")


def test_a_model_without_features_of_its_own_asks_for_them(tiny_store, tmp_path, monkeypatch):
    monkeypatch.setitem(MODELS._members, "resnet18", replace(MODELS.get("resnet18"), features=""))
    with pytest.raises(ParameterError, match="say which columns it shall read: --features"):
        make(tiny_store, tmp_path, "resnet18")


def test_images_for_a_frame_model_and_frames_for_an_image_model_are_refused(both, tmp_path):
    with pytest.raises(
        ParameterError, match=r"ub-bilstm reads frames, and spectrogram.* gives images: leave it out of --features"
    ):
        make(both, tmp_path, "ub-bilstm", features=f"luo2019-best4/mfcc,{SMALL_IMAGE}")
    with pytest.raises(ParameterError, match=r"sbcnn-lenet reads images; got frames: add .* as in --features luo2019-image"):
        make(both, tmp_path, "sbcnn-lenet", features="luo2019-best4/mfcc")
    with pytest.raises(ParameterError, match="aff-acrnn reads frames and images; got frames: add such a column"):
        make(both, tmp_path, "aff-acrnn", features="luo2019-best4/mfcc")
    assert make(both, tmp_path, "aff-acrnn", features=f"luo2019-best4/mfcc,{SMALL_IMAGE}").columns


def test_a_context_model_on_a_corpus_without_conversations_says_that_c_is_one(tiny_store, tmp_path):
    assert make(tiny_store, tmp_path, "ub-bilstm", features="rms").notes == []
    copy = tmp_path / "alone"
    shutil.copytree(tiny_store, copy)
    run = make(copy, tmp_path, "ub-bilstm", features="rms", context=1)
    assert run.notes == []  # it was asked for
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("featurekit.experiments.resolve.has_conversations", lambda store: False)
        run = make(copy, tmp_path, "ub-bilstm", features="rms")
        asked = make(copy, tmp_path, "ub-bilstm", features="rms", context=3)
        assert asked.notes == ["demo has no conversations: of the 3 utterances of a window only one is there"]
    assert run.context == 1
    assert "windows of 3 utterances, and demo has no conversations: C is 1" in run.notes[0]


def test_an_utterance_far_longer_than_the_others_is_named_unless_it_is_cut(tiny_store, tmp_path, monkeypatch):
    run = make(tiny_store, tmp_path, "mlp-pool", features="rms")
    name, lengths = run.ids[0], run.view.lengths("rms").copy()
    lengths[run.store.manifest.index(name)] = 90_000
    monkeypatch.setattr(type(run.view), "lengths", lambda self, column: lengths)
    median = np.median([lengths[run.store.manifest.index(other)] for other in run.ids])
    assert run.notes == [
        f"{name} has 90,000 frames, where half of the utterances have at most {median:,.0f}, and a batch is padded to its "
        f"longest: cut all, as by --set training.n_frames={4 * median:.0f}, or leave it out"
    ]
    assert make(tiny_store, tmp_path, "mlp-pool", features="rms", training={"n_frames": 200}).notes == []


def test_classes_that_nobody_shows_are_named(tiny_store, tmp_path, monkeypatch):
    run = make(tiny_store, tmp_path, "ub-bilstm", features="rms")
    run.task = replace(run.task, classes=(*run.task.classes, "bored"))
    assert run.notes == [f"task {run.task.name} has 4 classes, and no utterance is bored"]
