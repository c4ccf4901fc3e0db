"""Files that ffmpeg reads, with it and without it: counted by ``doctor``, read by ``extract``, never left out."""

import json

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from featurekit import store
from featurekit.cli import main
from featurekit.inspection import inspect_folder, inspect_machine, machine

BEGINNINGS = {
    "happy/d.m4a": b"\0\0\0\x18ftypM4A \0\0\0\0",
    "happy/e.webm": b"\x1aE\xdf\xa3\x9fB\x86\x81\x01B\x82\x84webm",
    "sad/g.mp4": b"\0\0\0\x18ftypisom\0\0\0\0",
    "sad/h.wma": bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c"),
    "sad/i.m4a": b"\0\0\0\x18ftypM4A \0\0\0\0",
}


def extract(root, out):
    """Arguments of a small extraction."""
    return ["extract", "--corpus", "folders", "--root", str(root), "--features", "rms", "-o", str(out), "--backend", "serial"]


def speech(seed):
    return 0.1 * np.random.default_rng(seed).standard_normal(16_000)


@pytest.fixture
def folder(tmp_path):
    """Three WAVs in two folders, and five files that only ffmpeg could read."""
    root = tmp_path / "f"
    for seed, name in enumerate(("happy/a.wav", "happy/b.wav", "sad/c.wav")):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(root / name, speech(seed), 16_000)
    for name, beginning in BEGINNINGS.items():
        (root / name).write_bytes(beginning + bytes(300))
    return root


def test_doctor_counts_by_suffix_what_needs_ffmpeg(folder, tmp_path, without_ffmpeg):
    report = inspect_folder(folder, backend="serial")
    (found,) = [finding for finding in report.findings if finding.check == "needs-ffmpeg"]
    assert "ffmpeg, which is not installed here (2 .m4a, 1 .mp4, 1 .webm, 1 .wma): install" in found.text
    assert len(found.items) == 5
    assert not report.ok
    assert report.facts["files"] == 8


def test_manifest_and_extract_keep_every_file_without_ffmpeg(folder, tmp_path, without_ffmpeg):
    run = CliRunner().invoke
    listed = run(main, ["manifest", "folders", "--root", str(folder)]).stdout
    assert sum(line.startswith("{") for line in listed.splitlines()) == 8
    out = tmp_path / "store"
    made = run(main, extract(folder, out))
    assert made.exit_code in (0, 1), made.output
    opened = store.open_store(out)
    assert len(opened.ids) == 8
    reasons = [reason for reason, status in zip(opened.errors("rms"), opened.status("rms"), strict=True) if status]
    assert len(reasons) == 5
    assert all(reason.startswith("DECODE: is ") and "install ffmpeg" in reason for reason in reasons)


def test_with_ffmpeg_the_store_and_doctor_say_who_decoded(tmp_path, ffmpeg):
    root = tmp_path / "f"
    (root / "happy").mkdir(parents=True)
    soundfile.write(tmp_path / "a.wav", speech(0), 16_000, "PCM_16")
    ffmpeg("-i", str(tmp_path / "a.wav"), "-c:a", "alac", str(root / "happy" / "a.m4a"))
    (tmp_path / "a.wav").rename(root / "happy" / "b.wav")
    out = tmp_path / "store"
    made = CliRunner().invoke(main, extract(root, out))
    assert made.exit_code == 0, made.output
    assert "flagged, kept: 1 FFMPEG (decoded by the program ffmpeg)" in " ".join(made.output.split())
    opened = store.open_store(out)
    np.testing.assert_array_equal(opened.read("rms", 0), opened.read("rms", 1))
    assert "FFMPEG: alac was decoded by ffmpeg " in opened.errors("rms")[0]
    assert "ffmpeg" not in opened.errors("rms")[1]
    checks = {finding.check: finding.text for finding in inspect_folder(root, backend="serial").findings}
    assert "decoded by ffmpeg " in checks["by-ffmpeg"]
    assert "header" not in checks


def test_doctor_says_whether_the_machine_has_ffmpeg(tmp_path, monkeypatch, without_ffmpeg):
    monkeypatch.setattr(machine, "_gpu", lambda versions: {"driver": [], "torch": ""})
    report = inspect_machine(tmp_path)
    assert report.facts["ffmpeg"] == ""
    assert [finding.check for finding in report.findings].count("ffmpeg") == 1
    assert json.dumps(report.to_record())


def test_doctor_says_which_ffmpeg_the_machine_has(tmp_path, monkeypatch, ffmpeg):
    monkeypatch.setattr(machine, "_gpu", lambda versions: {"driver": [], "torch": ""})
    version = inspect_machine(tmp_path).facts["ffmpeg"]
    assert version
    assert f"ffmpeg version {version}" in ffmpeg("-version").decode()
