"""A model of whole recordings trained, gone on with, and applied, by its name."""

import json
import shutil
from functools import partial

import numpy as np
import pytest
import torch

from featurekit import inference, store, training
from featurekit.errors import ParameterError
from featurekit.experiments import Run, RunSettings
from featurekit.experiments import fold as one_fold
from featurekit.experiments.fold import prepared
from featurekit.experiments.forecast import seconds_of
from featurekit.inference.embedding import embed
from featurekit.inference.export import export_run
from featurekit.models.bc_lstm import BCLSTM
from featurekit.runs import StoredRun

HYPER = {"units": 4, "dense": 3}
QUICK = {"epochs": 3, "device": "cpu", "batch_size": 2, "threads": 1}


@pytest.fixture
def settings(tiny_store):
    return partial(RunSettings, store=str(tiny_store), model="bc-lstm", features="rms,mel32", hyper=HYPER, training=QUICK)


@pytest.fixture(scope="module")
def run(tiny_store, tmp_path_factory):
    made = Run(
        RunSettings(str(tiny_store), "bc-lstm", "rms,mel32", hyper=HYPER, training=QUICK), runs=tmp_path_factory.mktemp("r")
    )
    made.execute()
    return made


def test_by_default_the_context_is_the_recording_and_a_batch_is_recordings(run):
    assert (run.context, json.loads((run.folder / "run.json").read_text())["context"]) == (0, 0)
    model, train, _, _ = prepared(run, 0)
    recordings = {run.store.manifest[name].recording for name in train.ids}
    assert len(train.recordings) == len(recordings) < len(train)
    heard = []
    training.fit(model, train, None, run.training, on_batch=lambda epoch, batch, batches: heard.append(batches))
    assert set(heard) == {-(-len(recordings) // 2)} or set(heard) == {len(recordings) // 2}
    assert seconds_of(Run(run.settings, runs=run.runs / "new"), 1.0) < 3 * len(train)


def test_no_row_of_a_batch_crosses_a_recording_or_the_split(run):
    fold = run.split.folds[0]
    for part in ("train", "dev", "test"):
        dataset = one_fold._dataset(run, fold, part, prepared(run, 0)[3])
        for name, row in zip(dataset.ids, dataset._windows, strict=True):
            seen = [run.store.manifest.utterances[place] for place in row if place >= 0]
            assert {item.recording for item in seen} == {run.store.manifest[name].recording}
            assert {item.id for item in seen} <= set(fold.part(part))


def test_a_killed_fold_ends_in_the_same_bits(run, settings, tmp_path):
    other = Run(settings(), runs=tmp_path)
    rows = []

    def heard(row):
        rows.append(row)
        if len(rows) == 2:
            raise KeyboardInterrupt

    other.begin()
    with pytest.raises(KeyboardInterrupt):
        one_fold.train_fold(other, 0, on_epoch=heard)
    other.execute()
    states = [training.load_checkpoint(StoredRun(one.folder).fold(0).path)[0] for one in (run, other)]
    assert all(torch.equal(value, states[1][name]) for name, value in states[0].items())


def test_embedded_it_says_of_each_utterance_what_its_run_said(run, tiny_store, tmp_path):
    copy = tmp_path / "store"
    shutil.copytree(tiny_store, copy)
    embed(run.folder, copy, what="logits")
    opened = store.open_store(copy)
    column = next(name for name in opened.columns if name.endswith("/logits"))
    for row in (one.to_dict() for one in StoredRun(run.folder).fold(0).predictions):
        logits = torch.from_numpy(np.asarray(opened.read(column, opened.manifest.index(row["id"])))).double()
        torch.testing.assert_close(logits.flatten().softmax(0), torch.tensor(row["probabilities"]).double(), atol=1e-5, rtol=0)


def test_embedded_a_recording_is_heard_once_in_each_write_and_not_for_each_utterance(run, tiny_store, tmp_path, monkeypatch):
    copy = tmp_path / "store"
    shutil.copytree(tiny_store, copy)
    heard = []
    real = BCLSTM.forward

    def forward(model, batch):
        heard.append(int(batch.present.sum()))
        return real(model, batch)

    monkeypatch.setattr(BCLSTM, "forward", forward)
    embed(run.folder, copy)
    manifest = run.store.manifest
    longest = max(len([item for item in manifest if item.recording == one]) for one in {item.recording for item in manifest})
    assert longest > 2
    assert max(heard) <= longest
    assert sum(heard) <= longest + len(manifest)  # one more, of which the batch's size is found


def test_a_file_is_judged_alone_and_a_graph_is_refused(run, tiny_corpus, tmp_path):
    file = next(path for path in tiny_corpus.rglob("*") if path.suffix in (".wav", ".flac"))
    assert inference.Predictor(run.folder, device="cpu")(file).neighbours == 0
    with pytest.raises(ParameterError, match="bc-lstm reads whole recordings of any number of utterances"):
        export_run(run.folder, tmp_path / "graph.pt")


def test_windows_may_be_asked_for_and_other_models_have_no_whole_recordings(settings, tmp_path):
    assert Run(settings(context=3), runs=tmp_path).context == 3
    assert Run(settings(context=0), runs=tmp_path).digest == Run(settings(), runs=tmp_path).digest
    with pytest.raises(ParameterError, match="context is 0, which is the whole recording, and ub-bilstm reads windows"):
        Run(settings(model="ub-bilstm", hyper={}, context=0), runs=tmp_path)


def test_a_corpus_without_conversations_is_judged_one_by_one_and_that_is_said(settings, tmp_path, monkeypatch):
    monkeypatch.setattr("featurekit.experiments.resolve.has_conversations", lambda store: False)
    alone = Run(settings(), runs=tmp_path)
    assert alone.context == 1
    assert (
        alone.notes[0]
        == "bc-lstm reads whole recordings, and demo has no conversations: C is 1, each utterance is judged alone"
    )


def test_recordings_are_not_mixed(settings, tmp_path):
    with pytest.raises(ParameterError, match="mixup cannot mix whole recordings"):
        Run(settings(augment=("mixup",)), runs=tmp_path).execute()
