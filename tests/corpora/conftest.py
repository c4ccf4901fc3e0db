"""Miniatures of the corpora, written by the tests, and the real ones where they are here."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

REAL = Path(os.environ.get("FEATUREKIT_TEST_CORPORA", Path(__file__).parents[3] / "shared" / "corpora"))
MOSI_ROWS = [
    "0.1,0.4,bbb,1,1.6",
    "0.4,0.9,bbb,2,-2.2",
    "0.5,0.5,aaa,10,0.2",
    "0.0,0.5,aaa,2,0",
    "0.2,0.8,_-c,1,-3",
]


def write_clip(path, seconds=0.1, rate=16_000):
    path.parent.mkdir(parents=True, exist_ok=True)
    samples = 0.1 * np.sin(2 * np.pi * 220 * np.arange(round(seconds * rate)) / rate)
    soundfile.write(path, samples, rate)


def make_ravdess(root):
    for actor in (1, 2):
        for emotion in range(1, 9):
            write_clip(root / f"Actor_{actor:02d}" / f"03-01-{emotion:02d}-01-02-01-{actor:02d}.wav")
    write_clip(root / "Actor_01" / "03-02-01-01-01-01-01.wav")  # song
    write_clip(root / "Actor_01" / "02-01-01-01-01-01-01.wav")  # the video's own sound


def make_emodb(root):
    for name in ("03a01Fa", "08b10Wc", "16a07Nb"):
        write_clip(root / "wav" / f"{name}.wav")
    table = "Nr.\tSatz\terkannt\tnatuerlich\n1\xa0\t03a01Fa.wav\t90,00\xa0\xa0\t75,00\xa0\n"
    (root / "erkennung.txt").write_bytes(table.encode("latin-1"))


def make_mosi(root):
    for video in ("aaa", "bbb", "_-c"):
        write_clip(root / "Raw" / "Audio" / "WAV_16000" / "Full" / f"{video}.wav", 1.0)
    (root / "OpinionLevelSentiment.csv").write_text("\r\n".join(MOSI_ROWS) + "\r\n")
    (root / "label_mmsa.csv").write_text('id,text,label,mode\nbbb_1,"well, good",1.6,train\n')


def make_custom(root):
    for name in ("anna/one", "anna/two", "ben/three"):
        write_clip(root / f"{name}.wav")
    rows = ["path,label,speaker", "anna/one.wav,sad,anna", "anna/two.wav,happy,anna", "ben/three.wav,sad,ben"]
    (root / "manifest.csv").write_text("\n".join(rows) + "\n")


def make_demo(root):
    from featurekit.corpora import demo

    root.rmdir()
    demo.synthesise(root, speakers=2, recordings_per_speaker=1, utterances_per_recording=2)


def _load_miniatures():
    # Test folders are no packages: a sibling is imported by its path, once.
    if "miniatures" not in sys.modules:
        spec = importlib.util.spec_from_file_location("miniatures", Path(__file__).with_name("miniatures.py"))
        sys.modules["miniatures"] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules["miniatures"])
    return sys.modules["miniatures"]


MAKERS = {"ravdess": make_ravdess, "emodb": make_emodb, "mosi": make_mosi, "custom": make_custom, "demo": make_demo}
MAKERS |= _load_miniatures().MAKERS


@pytest.fixture
def miniature(tmp_path):
    """``miniature(name)`` writes a small corpus and returns its root."""

    def make(name):
        root = tmp_path / name
        root.mkdir()
        MAKERS[name](root)
        return root

    return make


@pytest.fixture
def real():
    """``real(name)`` is the root of a real corpus; the test is skipped where it is not here."""

    def find(name):
        if not (REAL / name).is_dir():
            pytest.skip(f"the real {name} is not here")
        return REAL / name

    return find


@pytest.fixture
def makers():
    return MAKERS


@pytest.fixture
def load_miniatures():
    """The module of the miniatures."""
    return _load_miniatures


@pytest.fixture(name="write_clip")
def write_clip_fixture():
    """``write_clip(path, seconds, rate)`` writes a tone."""
    return write_clip


@pytest.fixture
def put():
    """``put(path, text, encoding)`` writes a text file and its folders."""
    return _load_miniatures().text
