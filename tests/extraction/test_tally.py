"""Utterances are counted while their shard is under way, whatever the backend."""

import time

import pytest

from featurekit import backends, extraction
from featurekit.extraction import shards, tally


class Heard(extraction.Progress):
    def __init__(self):
        self.total, self.done = 0, []

    def utterances(self, total):
        self.total = total
        return self.done.append


def build(manifest, root, out, backend, heard):
    return extraction.build_store(
        manifest, root=root, out=out, columns="rms", corpus="demo", backend=backend, workers=2, progress=heard
    )


@pytest.mark.parametrize("backend", backends.BACKENDS)
def test_every_utterance_is_reported_once_and_nothing_is_left_behind(tiny_corpus, tiny_manifest, tmp_path, backend):
    heard = Heard()
    summary = build(tiny_manifest, tiny_corpus, tmp_path / "s", backend, heard)
    assert sum(done.utterances for done in heard.done) == heard.total == len(tiny_manifest)
    assert sum(done.speech_s for done in heard.done) == pytest.approx(summary.computed_speech_s)
    assert not list((tmp_path / "s" / "tmp").glob("tally-*"))
    nothing = Heard()
    build(tiny_manifest, tiny_corpus, tmp_path / "s", backend, nothing)
    assert not nothing.done


def test_a_long_shard_is_reported_utterance_by_utterance(tiny_corpus, tiny_manifest, tmp_path, monkeypatch):
    monkeypatch.setattr(tally, "LOOK_INTERVAL_S", 0.005)
    monkeypatch.setattr("featurekit.extraction.plan.SMALLEST_TARGET_BYTES", 2**20)
    real = shards._outcome

    def slow(*arguments):
        time.sleep(0.01)
        return real(*arguments)

    monkeypatch.setattr(shards, "_outcome", slow)
    heard = Heard()
    assert build(tiny_manifest, tiny_corpus, tmp_path / "s", "serial", heard).shards == 1
    assert len(heard.done) > 5


def test_an_attempt_that_fails_does_not_count_twice(tiny_corpus, tiny_manifest, tmp_path, monkeypatch):
    real, left = shards.commit, [1]

    def flaky(*arguments):
        if left and left.pop():
            raise OSError(5, "Input/output error")
        return real(*arguments)

    monkeypatch.setattr(shards, "commit", flaky)
    heard = Heard()
    assert not build(tiny_manifest, tiny_corpus, tmp_path / "s", "serial", heard).failed
    assert sum(done.utterances for done in heard.done) == len(tiny_manifest)


def test_a_tally_that_cannot_be_written_costs_nothing_but_the_news(tmp_path):
    done = []
    with tally.Tally(tmp_path / "absent", 3, done.append) as counted:
        assert counted.file is None
        with tally.entries(counted.file) as add:
            add(1.0)
    assert done == [tally.Done(3, 0.0)]
