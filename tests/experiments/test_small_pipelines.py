"""Run files of small models train for one epoch on made-up numbers: their columns, task, recipe and sizes as they are written.

Another corpus stands for the paper's, so the split is another one. Models of pictures, large ones and those of no paper are not
for this.
"""

import dataclasses

import numpy as np
import pytest

from featurekit import features, store
from featurekit.cli.train import run_settings
from featurekit.experiments import Run, pipelines
from featurekit.extraction.shards import column_info
from featurekit.manifest import Manifest, Utterance
from featurekit.models import facts

LARGEST = 3_000_000  # parameters
EMOTIONS, CODES = ("angry", "happy", "neutral", "sad"), ("ang", "hap", "neu", "sad")  # the latter IEMOCAP's
SENTIMENTS = ("negative", "neutral", "positive")


def is_small(name):
    if name.startswith("ours/"):
        return False
    model = facts.get(run_settings(pipelines.find(name), {}).model)
    return "images" not in model.reads and model.parameters < LARGEST


SMALL = [name for name in pipelines.names() if is_small(name)]


def utterance(number, emotions):
    """One of 48: six speakers, two recordings each; every label that a task of these files reads."""
    sentiment = number % 3
    labels = {"emotion": emotions[number % 4], "sentiment": SENTIMENTS[sentiment], "score": float(sentiment - 1)}
    return Utterance(
        f"u{number:02d}",
        f"{number}.wav",
        speaker=f"s{number // 8}",
        recording=f"r{number // 4}",
        position=number % 4,
        text=f"{SENTIMENTS[sentiment]} words of number {number % 7}",
        labels=labels,
        duration_s=0.3,
        fingerprint=f"{number:064}",
    )


def filled(path, settings, infos, making):
    """A store of these columns; frames of one clock have one length, as extraction has it."""
    emotions = CODES if settings.task.startswith("iemocap") else EMOTIONS
    utterances, rng = [utterance(number, emotions) for number in range(48)], np.random.default_rng(0)
    rows = {"frames": 40, "vector": 1}
    values = {info.name: [rng.normal(size=(rows[info.kind], info.dims)).astype("f4") for _ in utterances] for info in infos}
    results = {name: [store.UtteranceResult(0, "", array, None, 16000) for array in arrays] for name, arrays in values.items()}
    shard = making.content(utterances, infos, results=results)
    store.create(path, corpus="made-up")
    store.commit_shard(path, shard)
    store.publish_head(path, Manifest(utterances), [store.GroupInfo(infos, (shard.key,), {"modulus": len(utterances)})])
    return path


def columns_of(settings, making):
    """What the store of a run file holds: the columns that its features are, the states of a small encoder among them."""
    infos = []
    for part in features.split(settings.features or "rms"):
        if part == "asr_encoder":
            infos.append(making.column("asr_encoder", dims=24, hop_s=0.02))
        else:
            infos += [column_info(column) for column in features.parse(part)]
    return tuple(infos)


def test_every_paper_has_small_ones():
    assert {name.partition("/")[0] for name in (*SMALL, "ours/")} == {name.partition("/")[0] for name in pipelines.names()}
    assert len(SMALL) > 25


@pytest.mark.parametrize("name", SMALL)
def test_a_small_one_trains_for_an_epoch(name, making, tmp_path):
    pytest.importorskip("sklearn")
    pytest.importorskip("hmmlearn")
    settings = run_settings(pipelines.find(name), {"epochs": 1, "device": "cpu"})
    path = filled(tmp_path / "store", settings, columns_of(settings, making), making)
    here = dataclasses.replace(settings, store=str(path), split="speaker-disjoint(test=0.34, dev=0.34)")
    run = Run(here, runs=tmp_path / "runs")
    metrics = run.execute().metrics
    assert metrics["n"] > 0
    assert run.columns or run.settings.model.endswith("-text")
    assert all(0 <= metrics["pooled"][key] <= 1 for key in ("accuracy", "unweighted_accuracy"))
