"""The GPU's path through extraction, run on CPU tensors: what a store holds, what is computed again, what is refused."""

import hashlib
import shutil
import sys
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch")

from click.testing import CliRunner

import featurekit as fk
from featurekit import extraction, features, store
from featurekit.cli import main
from featurekit.errors import AudioError, ParameterError
from featurekit.extraction import gpu, shards
from featurekit.extraction.engines import choose
from featurekit.extraction.plan import Shard
from featurekit.features import cuda
from featurekit.manifest import Manifest, Utterance
from featurekit.runs import RunSettings
from tests.runs.making import make_record

# The last has no twin.
COLUMNS = "luo2019/mfcc,luo2019/chroma_stft,fbank,spectrogram(height=32, width=32),functionals(of=rms),lpc"


@pytest.fixture
def with_gpu(monkeypatch):
    """A machine with a GPU, played by CPU tensors."""
    monkeypatch.setattr(cuda, "DEVICE", "cpu")


@pytest.fixture
def without_gpu(monkeypatch):
    monkeypatch.setattr(cuda, "ready", lambda **asked: False)


@pytest.fixture(autouse=True)
def small_shards(monkeypatch):
    monkeypatch.setattr("featurekit.extraction.plan.SMALLEST_TARGET_BYTES", 2**14)


@pytest.fixture(scope="module")
def gpu_store(tiny_corpus, tiny_manifest, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cuda, "DEVICE", "cpu")
        patch.setattr("featurekit.extraction.plan.SMALLEST_TARGET_BYTES", 2**14)
        out = tmp_path_factory.mktemp("gpu") / "s"
        build(tiny_manifest, tiny_corpus, out, COLUMNS)
    return out


def build(manifest, root, out, columns="rms,mel(n_mels=32)", **more):
    return extraction.build_store(manifest, root=root, out=out, columns=columns, corpus="demo", **{"backend": "serial"} | more)


def shard_digests(path):
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in (path / "shards").iterdir()}


def engines_of(path):
    return {name: column.engine for name, column in fk.open_store(path).columns.items()}


def test_the_gpus_store_holds_the_cpus_values(tiny_corpus, tiny_manifest, gpu_store, tmp_path):
    build(tiny_manifest, tiny_corpus, tmp_path / "cpu", COLUMNS, device="cpu")
    ours, theirs = fk.open_store(gpu_store), fk.open_store(tmp_path / "cpu")
    assert store.verify(gpu_store).ok
    assert engines_of(gpu_store) == {name: "cpu" if name == "lpc" else "cuda" for name in theirs.columns}
    for name, column in ours.columns.items():
        assert (column.key == theirs.columns[name].key) == (name == "lpc")
        assert ("torch" in column.versions) == (column.engine == "cuda")
        for index in range(len(ours)):
            got, expected = ours.read(name, index), theirs.read(name, index)
            scale = np.abs(expected).max() if column.kind != "image" else 5e5  # a pixel may be one step beside
            np.testing.assert_allclose(got.astype(float), expected.astype(float), rtol=0, atol=3e-6 * scale)


def test_any_backend_and_any_number_of_workers_give_the_same_bytes(tiny_corpus, tiny_manifest, gpu_store, tmp_path, with_gpu):
    build(tiny_manifest, tiny_corpus, tmp_path / "s", COLUMNS, backend="joblib", workers=2)
    assert shard_digests(tmp_path / "s") == shard_digests(gpu_store)
    assert len(shard_digests(gpu_store)) > 4


def test_parts_of_a_shard_come_together_in_order(tiny_corpus, tiny_manifest, gpu_store, tmp_path, with_gpu, monkeypatch):
    monkeypatch.setattr(gpu, "PART_UTTERANCES", 1)
    build(tiny_manifest, tiny_corpus, tmp_path / "s", "fbank")
    once, parted = fk.open_store(gpu_store), fk.open_store(tmp_path / "s")
    for index in range(len(once)):
        np.testing.assert_allclose(parted.read("fbank", index), once.read("fbank", index), rtol=0, atol=1e-5)


def test_parts_are_bounded_and_keep_every_utterance(tiny_corpus, tmp_path):
    utterances = tuple(Utterance(id=str(number), path="a", duration_s=100.0 + number) for number in range(9))
    task = shards.ShardWork(tmp_path, tiny_corpus, Shard("0", tuple(features.parse("rms")), utterances), {})
    parts = [part.shard.utterances for part in gpu._parts(task)]
    assert [item for part in parts for item in part] == list(utterances)
    assert all(sum(item.duration_s for item in part) * 16000 <= gpu.PART_SAMPLES or len(part) == 1 for part in parts)
    assert len(parts) == 5


def test_an_interrupted_run_goes_on_where_it_was(tiny_corpus, tiny_manifest, gpu_store, tmp_path, with_gpu, monkeypatch):
    real, calls = gpu.hear, []

    def interrupted(task, utterance):
        calls.append(utterance.id)
        if len(calls) == 20:
            raise KeyboardInterrupt
        return real(task, utterance)

    monkeypatch.setattr(gpu, "hear", interrupted)
    with pytest.raises(KeyboardInterrupt):
        build(tiny_manifest, tiny_corpus, tmp_path / "s", COLUMNS)
    kept = shard_digests(tmp_path / "s")
    assert 0 < len(kept) < len(shard_digests(gpu_store))
    monkeypatch.setattr(gpu, "hear", real)
    summary = build(tiny_manifest, tiny_corpus, tmp_path / "s", COLUMNS)
    assert summary.computed_shards == summary.shards - len(kept)
    assert shard_digests(tmp_path / "s") == shard_digests(gpu_store)


def test_a_bad_file_is_a_row_with_a_status_and_its_neighbours_are_kept(tiny_corpus, tmp_path, with_gpu):
    root = tmp_path / "root"
    root.mkdir()
    good = next(path for path in sorted(tiny_corpus.rglob("*")) if path.suffix in (".wav", ".flac"))
    names = [f"first{good.suffix}", "empty.wav", "absent.wav", f"last{good.suffix}"]
    (root / "empty.wav").write_bytes(b"")
    for name in (names[0], names[3]):
        shutil.copy(good, root / name)
    summary = build(Manifest(Utterance(id=name.split(".")[0], path=name) for name in names), root, tmp_path / "s", "rms,fbank")
    assert set(summary.failed) == {"empty", "absent"}
    assert summary.failed["absent"].startswith("MISSING")
    opened = fk.open_store(tmp_path / "s")
    np.testing.assert_array_equal(opened["first"]["fbank"], opened["last"]["fbank"])
    assert not build(Manifest([Utterance(id="x", path="empty.wav")]), root, tmp_path / "only", "rms").computed_speech_s


def test_a_value_that_is_not_finite_is_a_status(tiny_corpus, tiny_manifest, tmp_path, with_gpu, monkeypatch):
    energy = cuda.TWINS.get("log_energy")

    def broken(signal, **settings):
        values = energy.function(signal, **settings)
        values.values[0] = float("nan")
        return values

    monkeypatch.setitem(cuda.TWINS._members, "log_energy", cuda.Twin("log_energy", broken, 1))
    few = Manifest(tiny_manifest.utterances[:3])
    summary = build(few, tiny_corpus, tmp_path / "s", "log_energy")
    assert [reason.split(":")[0] for reason in summary.failed.values()] == ["NONFINITE"]


def test_what_a_twin_refuses_is_the_status_of_that_utterance_alone(tiny_corpus, tiny_manifest, tmp_path, with_gpu, monkeypatch):
    energy = cuda.TWINS.get("log_energy")

    def strict(signal, **settings):
        if max(signal.rows.counts) > 40000:
            raise AudioError("TOO_LONG", "more than 2.5 s")
        return energy.function(signal, **settings)

    monkeypatch.setitem(cuda.TWINS._members, "log_energy", cuda.Twin("log_energy", strict, 1))
    build(tiny_manifest, tiny_corpus, tmp_path / "s", "log_energy")
    opened = fk.open_store(tmp_path / "s")
    too_long = [item.duration_s > 2.5 for item in opened.manifest]
    assert 0 < sum(too_long) < len(too_long)
    assert [bool(status) for status in opened.status("log_energy")] == too_long


def test_a_hiccup_of_the_file_system_is_tried_again(tiny_corpus, tiny_manifest, tmp_path, with_gpu, monkeypatch):
    real, left = shards._check_unchanged, [1]

    def flaky(task, utterance):
        if left and left.pop():
            raise OSError(5, "Input/output error")
        return real(task, utterance)

    monkeypatch.setattr(shards, "_check_unchanged", flaky)
    assert not build(tiny_manifest, tiny_corpus, tmp_path / "s", "rms").failed


def test_a_store_of_the_cpu_is_not_computed_again_where_a_gpu_appears(
    tiny_corpus, tiny_manifest, tiny_store, tmp_path, with_gpu
):
    out = shutil.copytree(tiny_store, tmp_path / "s")
    assert build(tiny_manifest, tiny_corpus, out, "rms").computed_shards == 0
    assert build(tiny_manifest, tiny_corpus, out, "zcr").on_gpu == []
    assert set(engines_of(out).values()) == {"cpu"}


def test_a_store_of_the_gpu_is_read_and_widened_without_one(tiny_corpus, tiny_manifest, gpu_store, tmp_path, without_gpu):
    out = shutil.copytree(gpu_store, tmp_path / "s")
    assert build(tiny_manifest, tiny_corpus, out, COLUMNS).computed_shards == 0
    build(tiny_manifest, tiny_corpus, out, "zcr")
    assert engines_of(out) == engines_of(gpu_store) | {"zcr": "cpu"}


def test_new_utterances_of_a_gpu_column_are_refused_without_one(tiny_corpus, tiny_manifest, tmp_path, monkeypatch):
    monkeypatch.setattr(cuda, "DEVICE", "cpu")
    build(Manifest(tiny_manifest.utterances[:18]), tiny_corpus, tmp_path / "s", "rms")
    monkeypatch.setattr(cuda, "ready", lambda **asked: False)
    with pytest.raises(ParameterError, match=r"rms come from a GPU.*--features with --device cpu"):
        build(tiny_manifest, tiny_corpus, tmp_path / "s", "rms")
    build(tiny_manifest, tiny_corpus, tmp_path / "s", "rms", device="cpu")  # the advice
    assert engines_of(tmp_path / "s") == {"rms": "cpu"}


def test_a_column_of_the_gpu_keeps_its_engine_beside_one_of_the_cpu(tiny_corpus, tiny_manifest, tmp_path, with_gpu):
    build(tiny_manifest, tiny_corpus, tmp_path / "s", "a=rms", device="cpu")
    build(tiny_manifest, tiny_corpus, tmp_path / "s", "b=rms", device="cuda")
    assert engines_of(tmp_path / "s") == {"a": "cpu", "b": "cuda"}
    head = store.latest_head(tmp_path / "s")
    assert [column.engine for column in choose(features.parse("a=rms, b=rms, c=rms"), "auto", head)] == ["cpu", "cuda", "cpu"]


def test_what_was_begun_on_the_cpu_goes_on_there(tiny_corpus, tiny_manifest, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(cuda, "ready", lambda **asked: False)
        patch.setattr(store, "publish_head", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            build(tiny_manifest, tiny_corpus, tmp_path / "s", "rms")
    monkeypatch.setattr(cuda, "DEVICE", "cpu")
    kept = shard_digests(tmp_path / "s")
    assert build(tiny_manifest, tiny_corpus, tmp_path / "s", "rms").computed_shards == 0
    assert shard_digests(tmp_path / "s") == kept


def test_cuda_without_a_gpu_is_one_sentence_and_status_two(tiny_corpus, tmp_path, without_gpu):
    request = ["extract", "--corpus", "demo", "--root", str(tiny_corpus), "-o", str(tmp_path / "s"), "--features", "rms"]
    result = CliRunner().invoke(main, [*request, "--device", "cuda"])
    assert result.exit_code == 2
    assert result.stderr == "featurekit: device is cuda, but torch sees no GPU here; use --device cpu or auto\n"
    assert not (tmp_path / "s").exists()


def test_the_command_line_says_what_is_computed_where(tiny_corpus, tmp_path, with_gpu):
    request = ["extract", "--corpus", "demo", "--root", str(tiny_corpus), "-o", str(tmp_path / "s"), "--backend", "serial"]
    request += ["--features", "rms,lpc"]
    where = "on the GPU: rms; on CPUs: lpc"
    assert where in CliRunner().invoke(main, [*request, "--dry-run"]).stdout
    assert not (tmp_path / "s").exists()
    assert where in CliRunner().invoke(main, request).stdout
    assert "on the GPU" not in CliRunner().invoke(main, [*request, "-o", str(tmp_path / "t"), "--device", "cpu"]).stdout


def test_an_unknown_device_is_refused() -> None:
    with pytest.raises(ParameterError, match="expected auto, cpu, cuda"):
        choose(features.parse("rms"), "tpu", None)


def test_a_run_finds_the_gpus_columns_by_their_preset(gpu_store):
    from featurekit.experiments import stored_columns

    opened = fk.open_store(gpu_store)
    assert stored_columns(opened, "luo2019/mfcc, same=luo2019/chroma_stft, lpc") == [
        "luo2019/mfcc",
        "luo2019/chroma_stft",
        "lpc",
    ]


def test_a_run_on_columns_of_a_gpu_judges_new_audio_on_the_cpu(gpu_store):
    from featurekit.inference.runs import audio_columns

    stored = fk.open_store(gpu_store).columns["luo2019/mfcc"]
    record = make_record(settings=RunSettings("", "ub-bilstm"), columns=(stored,))
    assert [column.engine for column in audio_columns(record)] == ["cpu"]
    with pytest.raises(ParameterError, match="another version"):
        audio_columns(replace(record, columns=(replace(stored, engine="cpu"),)))


def test_torch_decides_where_the_user_asks_for_a_gpu(monkeypatch):
    """Jetson, ROCm and containers name the device otherwise; without a question torch is not imported to hear no."""
    import torch

    monkeypatch.setattr(cuda, "_has_driver", lambda: False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert cuda._torch_sees_one(asked=True)
    monkeypatch.delitem(sys.modules, "torch")
    assert not cuda._torch_sees_one(asked=False)
