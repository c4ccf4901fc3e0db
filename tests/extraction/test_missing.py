"""What is said of a file that is not there: where it is, where a look can find it."""

from __future__ import annotations

import json
import os
import unicodedata

import pytest
from click.testing import CliRunner

from featurekit.cli import main
from featurekit.extraction.missing import missing
from featurekit.settings import FOLLOW_LINKS


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("03a01Fa.wav", "no file 03a01Fa.wav inside the corpus's root; wav/03a01Fa.wav is there"),
        ("wav/03A01fa.wav", "wav/03a01Fa.wav is there"),
        ("03a01Fa", "wav/03a01Fa.wav is there"),
        ("other/03a01Fa.flac", "wav/03a01Fa.wav is there"),
        ("typical.wav", "wav/ typical.wav is there"),
        (unicodedata.normalize("NFD", "Müller.wav"), "wav/Müller.wav is there"),
        ("wav\\03a01Fa.wav", "its backslashes are no slashes here"),
        ("nothing.wav", "there is no file nothing.wav inside the corpus's root"),
        ("gone.wav", "gone.wav leads out of the corpus's root, or nowhere; --follow-links reads"),
    ],
)
def test_a_missing_file_is_said_to_be_where_it_is(tmp_path, path, said):
    (tmp_path / "wav").mkdir()
    for name in ("03a01Fa.wav", " typical.wav", "Müller.wav"):
        (tmp_path / "wav" / name).write_bytes(b"")
    (tmp_path / "gone.wav").symlink_to("nowhere")
    reason = str(missing(tmp_path, path))
    assert reason.startswith("MISSING: ")
    assert said in reason
    assert ("is there" in reason) == ("is there" in said)


@pytest.fixture
def cache(tmp_path, put_audio):
    """A snapshot of links into a folder of blobs beside it, as the Hugging Face hub and git-annex have them."""
    root = tmp_path / "snapshots"
    root.mkdir()
    (tmp_path / "blobs").mkdir()
    for name in ("a.wav", "b.wav"):
        put_audio(tmp_path / "blobs" / f"{name}-blob")
        (root / name).symlink_to(tmp_path / "blobs" / f"{name}-blob")
    (root / "more").symlink_to(tmp_path / "blobs")
    (root / "circle").symlink_to(root)
    (root / "manifest.csv").write_text("path,label,speaker\na.wav,x,ann\nb.wav,y,bob\n")
    return root


@pytest.fixture
def put_audio():
    soundfile = pytest.importorskip("soundfile")

    def put(path):
        soundfile.write(path, [0.1, -0.1] * 4000, 16000, format="WAV")

    return put


def test_links_out_of_the_root_are_read_where_that_is_asked_for(cache, tmp_path):
    extract = ["extract", "--root", str(cache), "--features", "rms", "--backend", "serial", "--json", "-o", str(tmp_path / "s")]
    told = json.loads(CliRunner().invoke(main, extract).stdout)
    assert "leads out of the corpus's root" in told["failed"]["a"]
    told = json.loads(CliRunner().invoke(main, [*extract, "--follow-links"]).stdout)
    assert (told["failed"], told["speech_s"]) == ({}, 1.0)
    assert FOLLOW_LINKS not in os.environ
    said = CliRunner().invoke(main, ["manifest", "folders", "--root", str(cache), "--follow-links", "--dry-run"])
    assert said.stdout.startswith("2 utterances")
    doctor = ["doctor", "--corpus", "custom", "--root", str(cache), "--backend", "serial", "--json"]
    checks = {item["check"] for item in json.loads(CliRunner().invoke(main, doctor).stdout)["findings"]}
    assert "link-out" in checks
    checks = {item["check"] for item in json.loads(CliRunner().invoke(main, [*doctor, "--follow-links"]).stdout)["findings"]}
    assert not {"link-out", "missing"} & checks
