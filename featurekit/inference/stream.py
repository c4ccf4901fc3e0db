"""A stream of samples cut into chunks of one length; a chunk is an utterance, whatever is said in it.

A model that reads windows of utterances hears the chunks before a chunk as its neighbours, as far as they could be used,
and never the next one: the papers' windows hold it, but waiting for it would delay every answer by a chunk. The slot of
the next one is marked absent, as it is for the last utterance of a recording in training. That the chunks before were said
by the same speaker, as in the windows of training, is taken for granted.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np

from featurekit import audio
from featurekit.errors import AudioError, ParameterError
from featurekit.inference.heard import Heard
from featurekit.inference.predictor import Prediction, Predictor, Refused

ENCODINGS: dict[str, np.dtype[Any]] = {"s16le": np.dtype("<i2"), "f32le": np.dtype("<f4")}
_FULL_SCALE = 32768.0
_RATES = (1000, 768_000)  # as for files


def judge_stream(
    predictor: Predictor, stream: BinaryIO, *, sample_rate: int, chunk_s: float = 4.0, encoding: str = "s16le"
) -> Iterator[Prediction | Refused]:
    """Judge raw mono samples chunk by chunk, as they come.

    Parameters
    ----------
    predictor : Predictor
    stream : binary file
        Samples without a header, until it ends.
    sample_rate : int
        Of the samples, in Hz.
    chunk_s : float
        Length of a chunk in seconds; what is left at the end is a shorter one.
    encoding : {"s16le", "f32le"}
        16-bit integers, or floats with full scale 1; little endian.

    Yields
    ------
    Prediction or Refused
        One a chunk, before the next is read.

    Raises
    ------
    ParameterError
        For a rate, a length or an encoding that cannot be; for a stream without a sample.
    """
    size = _chunk_samples(sample_rate, chunk_s)
    if encoding not in ENCODINGS:
        raise ParameterError(f"encoding is {encoding!r}; expected {' or '.join(ENCODINGS)}")
    before: list[Heard | None] = []
    number, start = 0, 0
    while data := stream.read(size * ENCODINGS[encoding].itemsize):
        number += 1
        name, times_s = f"chunk {number}", (start / sample_rate, 0.0)
        samples = _samples(data, encoding)
        start += len(samples)
        times_s = (times_s[0], start / sample_rate)
        heard: Heard | None = None
        try:
            notes = _checked(data, samples, sample_rate, encoding)
            heard = predictor.ear(samples, sample_rate)
            notes += heard.notes
            window = predictor.window(before, heard)
            neighbours = sum(item is not None for item in window) - 1
            answers = predictor.judge([window])[0]
            yield predictor.prediction(answers, "-", name, times_s, notes, neighbours, sample_rate)
        except AudioError as error:
            yield Refused("-", name, str(error), *times_s)
        before = [*before, heard][-(predictor.context // 2) :] if predictor.context > 1 else []
    if not number:
        raise ParameterError("the stream ended before its first sample; pipe raw mono samples into standard input")


def _chunk_samples(sample_rate: int, chunk_s: float) -> int:
    low, high = _RATES
    if not low <= sample_rate <= high:
        raise ParameterError(f"--rate is {sample_rate}; expected the rate of the samples, {low} to {high} Hz")
    if not audio.MIN_S <= chunk_s <= audio.MAX_S:
        raise ParameterError(f"--chunk is {chunk_s}; expected seconds from {audio.MIN_S} to {audio.MAX_S:g}")
    return round(chunk_s * sample_rate)


def _samples(data: bytes, encoding: str) -> np.ndarray:
    kind = ENCODINGS[encoding]
    values = np.frombuffer(data[: len(data) // kind.itemsize * kind.itemsize], kind).astype(np.float32)
    return values / np.float32(_FULL_SCALE) if kind.kind == "i" else values


def _checked(data: bytes, samples: np.ndarray, sample_rate: int, encoding: str) -> tuple[str, ...]:
    """Notes on the samples; refuses those that no file may have either."""
    if len(data) % ENCODINGS[encoding].itemsize:
        raise AudioError(audio.Status.TRUNCATED, f"the stream ends in the middle of a sample of {encoding}")
    if len(samples) < audio.MIN_S * sample_rate:
        raise AudioError(audio.Status.EMPTY, f"{len(samples)} samples at {sample_rate} Hz are shorter than {audio.MIN_S} s")
    if not np.isfinite(samples).all():
        raise AudioError(audio.Status.NONFINITE, f"NaN or infinity among the samples; are they {encoding}?")
    peak = float(np.abs(samples).max())
    if peak < audio.SILENT_PEAK:
        return (f"{audio.Status.SILENT}: peak {peak:.1e}",)
    return (f"{audio.Status.CLIPPED}: peak {peak:.3g} above full scale; are the samples {encoding}?",) if peak > 1 else ()
