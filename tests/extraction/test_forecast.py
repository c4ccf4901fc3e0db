import json
import shutil

import pytest
from click.testing import CliRunner

from featurekit import extraction
from featurekit.cli import main
from featurekit.cli.extract import foretell
from featurekit.errors import CorpusNotFoundError, UnknownNameError
from featurekit.extraction import forecast as room
from featurekit.manifest import Manifest, Utterance


def foresee(manifest, root, out, columns="rms,mel(n_mels=32)", **more):
    return extraction.dry_run(manifest, root=root, out=out, columns=columns, corpus="demo", **{"backend": "serial"} | more)


def tree(path):
    """Everything below a folder: name, size, time of change."""
    return {
        str(file): (file.stat().st_size, file.stat().st_mtime_ns) for file in sorted(path.rglob("*")) if not file.is_symlink()
    }


def test_a_dry_run_makes_no_folder(tiny_corpus, tiny_manifest, tmp_path):
    made = foresee(tiny_manifest, tiny_corpus, tmp_path / "s")
    assert list(tmp_path.iterdir()) == []
    assert not made.exists
    assert made.new == ["rms", "mel32"]
    assert made.utterances_to_do == made.utterances == len(tiny_manifest)


def test_a_dry_run_changes_nothing_in_a_store(tiny_corpus, tiny_manifest, tiny_store, tmp_path):
    store = shutil.copytree(tiny_store, tmp_path / "s")
    before = tree(store)
    made = foresee(tiny_manifest, tiny_corpus, store, "rms,zcr")
    assert tree(store) == before
    assert made.there == ["rms"]
    assert made.new == ["zcr"]


def test_shards_and_bytes_are_those_of_the_extraction(tiny_corpus, tiny_manifest, tmp_path, monkeypatch):
    monkeypatch.setattr("featurekit.extraction.plan.SMALLEST_TARGET_BYTES", 2**14)
    made = foresee(tiny_manifest, tiny_corpus, tmp_path / "s")
    request = {"root": tiny_corpus, "out": tmp_path / "s", "columns": "rms,mel(n_mels=32)", "corpus": "demo"}
    summary = extraction.build_store(tiny_manifest, **request, backend="serial")
    assert made.shards_to_do == summary.computed_shards
    assert made.speech_to_do_s == pytest.approx(summary.computed_speech_s, abs=0.01)
    written = sum(file.stat().st_size for file in (tmp_path / "s" / "shards").iterdir())
    assert made.bytes_to_write == pytest.approx(written, rel=0.35)  # shards this small are mostly structure


def test_a_finished_store_leaves_nothing_to_do(tiny_corpus, tiny_manifest, tiny_store):
    made = foresee(tiny_manifest, tiny_corpus, tiny_store, "rms")
    assert made.shards_to_do == made.utterances_to_do == made.bytes_to_write == made.sampled == 0
    assert made.shards > 0


def test_new_utterances_are_counted_for_every_column_the_store_has(tiny_corpus, tiny_manifest, tmp_path):
    fewer = Manifest(tiny_manifest.utterances[:18])
    extraction.build_store(fewer, root=tiny_corpus, out=tmp_path / "s", columns="rms", corpus="demo", backend="serial")
    made = foresee(tiny_manifest, tiny_corpus, tmp_path / "s", "rms")
    assert made.there == ["rms"]
    assert made.utterances_to_do >= 18


def test_seconds_memory_and_speech_are_positive_and_fall_with_workers(tiny_corpus, tiny_manifest, tmp_path, monkeypatch):
    monkeypatch.setattr(room, "COMMIT_S", 10.0)  # so that work outweighs starting
    monkeypatch.setattr("featurekit.extraction.plan.SMALLEST_TARGET_BYTES", 2**14)
    one, four = (foresee(tiny_manifest, tiny_corpus, tmp_path, backend="joblib", workers=number) for number in (1, 4))
    assert 0 < four.seconds < one.seconds
    assert one.memory_per_worker > 20e6
    assert one.sampled == room.SAMPLE_SIZE


def test_utterances_that_cannot_be_read_are_named_and_do_not_stop_the_forecast(tiny_corpus, tmp_path):
    root = tmp_path / "root"
    root.mkdir()
    good = next(path for path in sorted(tiny_corpus.rglob("*")) if path.suffix in (".wav", ".flac"))
    shutil.copy(good, root)
    (root / "cut.wav").write_bytes(b"RIFF")
    (root / "circle.wav").symlink_to("circle.wav")
    (root / "outside.wav").symlink_to(good)
    bad = ["cut.wav", "absent.wav", "circle.wav", "outside.wav"]
    made = foresee(Manifest(Utterance(id=name, path=name) for name in (good.name, *bad)), root, tmp_path / "s")
    assert made.unreadable == 4
    assert set(made.sample_failed) == set(bad)
    assert made.sampled == 1


def test_nothing_readable_is_a_forecast_of_no_work(tmp_path):
    made = foresee(Manifest([Utterance(id="a", path="a.wav")]), tmp_path, tmp_path / "s")
    assert made.sampled == 0
    assert made.shards_to_do == 1
    assert made.seconds < 30


@pytest.mark.parametrize(
    ("durations", "seconds", "expected"),
    [
        ([1, 2, 4], [0.3, 0.5, 0.9], (0.1, 0.2)),
        ([1, 1, 1], [0.5, 0.5, 0.5], (0.5, 0.0)),  # a constant a clip, as Whisper's
        ([1, 2], [1.0, 0.5], (0.75, 0.0)),  # noise must not foretell that longer is cheaper
        ([1, 2, 4], [0.0, 1.0, 3.0], (0.0, 2 / 3)),
        ([], [], (0.0, 0.0)),
    ],
)
def test_the_cost_of_an_utterance_is_a_line_that_never_goes_below_zero(durations, seconds, expected):
    assert room.fit(durations, seconds) == pytest.approx(expected, abs=1e-6)


def test_no_folder_and_unknown_features_are_refused_as_by_extract(tiny_corpus, tiny_manifest, tmp_path):
    with pytest.raises(CorpusNotFoundError):
        foresee(tiny_manifest, tmp_path / "nowhere", tmp_path / "s")
    with pytest.raises(UnknownNameError, match="did you mean mfcc"):
        foresee(tiny_manifest, tiny_corpus, tmp_path / "s", "mfccs")


def test_the_command_line_says_what_it_would_do_and_answers_in_json(tiny_corpus, tmp_path):
    arguments = [
        "extract",
        "--corpus",
        "demo",
        "--root",
        tiny_corpus,
        "--features",
        "rms",
        "--output",
        tmp_path / "s",
        "--dry-run",
    ]
    said = CliRunner().invoke(main, [str(item) for item in arguments])
    assert said.exit_code == 0, said.output
    assert "to compute: rms" in said.output
    assert "nothing was written" in said.output
    record = json.loads(CliRunner().invoke(main, [str(item) for item in (*arguments, "--json")]).output)
    assert record["utterances"] == 36
    assert record["new"] == ["rms"]
    assert not (tmp_path / "s").exists()


def test_a_busy_machine_makes_the_forecast_longer_and_is_named(tiny_corpus, tiny_manifest, tmp_path, monkeypatch):
    monkeypatch.setattr(room.os, "getloadavg", lambda: (0.0, 0.0, 0.0))
    free = foresee(tiny_manifest, tiny_corpus, tmp_path / "s")
    monkeypatch.setattr(room.os, "getloadavg", lambda: (1000.0 * free.cores - 1, 0.0, 0.0))
    busy = foresee(tiny_manifest, tiny_corpus, tmp_path / "s")
    assert busy.slowdown == pytest.approx(1000.0)
    assert busy.seconds > 10 * free.seconds
    assert "times as long as alone" in foretell(busy)
