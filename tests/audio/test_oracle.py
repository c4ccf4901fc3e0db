"""ffmpeg decodes the same files: what it reads to the end is read to the end, and what was cut is a status.

The whole matrix runs in ``make faults``; a sample of it, drawn anew from nothing but its order, in ``make test``.
"""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from featurekit import audio
from featurekit.errors import AudioError


def _kinds():
    if "oracle_kinds" not in sys.modules:
        spec = importlib.util.spec_from_file_location("oracle_kinds", Path(__file__).with_name("kinds.py"))
        sys.modules["oracle_kinds"] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules["oracle_kinds"])
    return sys.modules["oracle_kinds"]


kinds = _kinds()
CELLS = list(kinds.cells())
FILES = list(dict.fromkeys((kind, rate, channels) for kind, rate, channels, fate in CELLS))

# Where a whole file is refused: (family, fate) → a word of the reason. Each is a decision, and stands in docs/audio.md.
STALE = "no chunk begins there"  # what follows the end that a header states may be anything: whoever knows writes it again
REFUSED = {(family, "stale by much"): STALE for family in ("wav", "wav-codec", "rifx", "rf64", "w64", "aiff")}
# Where bytes are left out, as ffmpeg leaves them out, and a note says so: (family, fate) → a word of the note.
NOTED = {("aiff", "stale by little"): "behind the end of the AIFF are not read"}
MISREAD_BY_FFMPEG = {"rifx"}  # as little-endian
# Formats that say nowhere how long they are: cut at the border of a frame, they are whole.
NOWHERE_LONG = {"mp3-bare", "adts", "wav-piped", "au-piped"}


@dataclass
class Bench:
    """Writes files of each kind once, and decodes with both."""

    folder: Path
    ffmpeg: object

    def whole(self, kind, rate, channels, frames=0):
        path = self.folder / f"{kind.name}-{rate}-{channels}-{frames}{kind.suffix}"
        if not path.exists():
            kind.write(path, kinds.speech_like(rate, channels, frames), rate, self.ffmpeg)
        return path.read_bytes()

    def put(self, data, kind):
        path = self.folder / f"cell{kind.suffix}"
        path.write_bytes(data)
        return path


@pytest.fixture(scope="module")
def bench(tmp_path_factory, ffmpeg):
    return Bench(tmp_path_factory.mktemp("oracle"), ffmpeg)


def decoded_by_ffmpeg(path, rate):
    """Mono float32 samples at a rate, for it gives Opus at 48 kHz whatever the header says; and what it complained of."""
    command = [shutil.which("ffmpeg"), "-nostdin", "-v", "error", "-i", path, "-map", "0:a:0", "-ar", str(rate)]
    done = subprocess.run([*command, "-f", "au", "-c:a", "pcm_f32be", "-"], capture_output=True)
    begin, _, _, _, channels = np.frombuffer(done.stdout[4:24], ">u4").tolist() if len(done.stdout) >= 24 else (0, 0, 0, 0, 1)
    samples = np.frombuffer(done.stdout[begin:], ">f4").astype(np.float32)
    return samples.reshape(-1, channels).mean(axis=1), done.stderr.decode(errors="replace")


def featurekit(path):
    """The signal and no reason, or none and the reason."""
    try:
        return audio.decode(path), ""
    except AudioError as error:
        return None, str(error)


def difference(kind, rate, channels, fate, bench, frames=0):
    """What is wrong with a cell; empty where nothing is."""
    path = bench.put(fate.change(bench.whole(kind, rate, channels, frames), kind), kind)
    signal, reason = featurekit(path)
    oracle, complaint = decoded_by_ffmpeg(path, signal.sample_rate if signal else rate)
    if signal is None and kind.needs_ffmpeg and complaint:
        return ""  # it was ffmpeg that could not
    if signal is None:
        word = REFUSED.get((kind.family, fate.name))
        return "" if word and word in reason else f"refused: {reason} (ffmpeg reads {len(oracle)} frames, {complaint!r})"
    samples, slack = signal.samples, max(kind.slack, fate.slack) * fate.copies
    word = NOTED.get((kind.family, fate.name))
    if word and len(samples) == len(oracle) and any(word in note for note in signal.notes):
        return ""
    true = np.tile(kinds.speech_like(rate, channels, frames).mean(axis=1), fate.copies)
    if signal.sample_rate != rate:
        true = audio.resample(true, rate, signal.sample_rate)
    for who, expected in (("written", true), ("ffmpeg reads", oracle)):
        if who == "ffmpeg reads" and (not fate.known or kind.family in MISREAD_BY_FFMPEG):
            continue
        if abs(len(samples) - len(expected)) > slack:
            return f"{len(samples)} frames, {who} {len(expected)} ({complaint!r})"
        if who == "written" and kind.needs_ffmpeg:  # some of its encoders change the sound by much
            continue
        if unlike := _unlike(samples, expected, kind, slack):
            return f"{unlike}, {who}"
    return ""


def _unlike(samples, expected, kind, slack):
    """Whether other audio came out: to the bit of a format, or in every quarter by its correlation."""
    length = min(len(samples), len(expected))
    if kind.exact and len(samples) - len(expected) in (0, 1):
        apart = float(np.abs(samples[:length] - expected[:length]).max())
        return "" if apart < 0.05 else f"samples differ by {apart:.3f}"
    padded = np.pad(samples, slack)  # an encoder's delay may have pushed the last samples out
    for quarter in np.array_split(np.arange(length), 4):
        around = padded[quarter[0] : quarter[-1] + 1 + 2 * slack]
        likeness = _best_correlation(around, expected[quarter])
        if likeness < 0.8:
            return f"from sample {quarter[0]} on the correlation is {likeness:.2f}"
    return ""


def _best_correlation(around, piece):
    """The correlation of a piece with that stretch of a longer one which is most like it."""
    size = len(around) + len(piece)
    products = np.fft.irfft(np.fft.rfft(around, size) * np.conj(np.fft.rfft(piece, size)), size)
    powers = np.cumsum(np.concatenate([[0.0], around.astype(np.float64) ** 2]))
    shifts = np.arange(len(around) - len(piece) + 1)
    norms = np.sqrt(powers[shifts + len(piece)] - powers[shifts]) * np.linalg.norm(piece)
    return float((products[shifts] / (norms + 1e-9)).max())


def lost(kind, rate, channels, bench, places):
    """Cuts of a file under OK with less audio than was in it: those that lost something without a word."""
    data = bench.whole(kind, rate, channels)
    whole, reason = featurekit(bench.put(data, kind))
    if whole is None:
        return [f"whole: {reason}"]
    found = []
    for cut in kinds.cuts(data, places):
        path = bench.put(cut, kind)
        signal, _ = featurekit(path)
        if signal is None or len(signal.samples) >= len(whole.samples):
            continue
        if kind.family in NOWHERE_LONG:
            oracle, _ = decoded_by_ffmpeg(path, signal.sample_rate)
            if len(signal.samples) >= len(oracle) - kind.slack:
                continue
        found.append(f"cut to {len(cut)} of {len(data)} bytes: {len(signal.samples)} of {len(whole.samples)} frames")
    return found


# Steps that share no factor with the number of rates, channels and fates, so that a sample has something of each.
@pytest.mark.parametrize(("kind", "rate", "channels", "fate"), CELLS[::29], ids=lambda value: str(value))
def test_what_ffmpeg_reads_to_the_end_is_read_to_the_end(kind, rate, channels, fate, bench):
    assert difference(kind, rate, channels, fate, bench) == ""


@pytest.mark.parametrize(("kind", "rate", "channels"), FILES[::11], ids=lambda value: str(value))
def test_a_cut_file_is_a_status_or_lost_nothing(kind, rate, channels, bench):
    assert lost(kind, rate, channels, bench, 3 if kind.needs_ffmpeg else 10) == []


@pytest.mark.slow
@settings(max_examples=1500)
@given(cell=st.sampled_from(CELLS), seconds=st.floats(0.3, 6.0))
def test_at_any_length(cell, seconds, bench):
    """A difference is shrunk to the shortest file of the first kind that shows it."""
    kind, rate, channels, fate = cell
    assert difference(kind, rate, channels, fate, bench, round(seconds * rate)) == ""


@pytest.mark.slow
@pytest.mark.parametrize("kind", kinds.KINDS, ids=str)
def test_the_whole_matrix(kind, bench):
    cells = [cell for cell in CELLS if cell[0] is kind]
    wrong = {str(cell[1:3]) + f" {cell[3]}": difference(*cell, bench) for cell in cells}
    assert {name: text for name, text in wrong.items() if text} == {}


@pytest.mark.slow
@pytest.mark.parametrize("kind", kinds.KINDS, ids=str)
def test_every_cut(kind, bench):
    wrong = {str(file[1:]): lost(*file, bench, kinds.CUTS) for file in FILES if file[0] is kind}
    assert {name: texts for name, texts in wrong.items() if texts} == {}
