"""The words for what became of a file's audio, and the limits beyond which it is refused."""

from __future__ import annotations

import enum
from collections.abc import Mapping

from featurekit.errors import AudioError

MIN_RATE, MAX_RATE = 1_000, 768_000
MAX_CHANNELS = 64
MIN_S, MAX_S = 0.01, 6 * 3600.0
MAX_FRAMES = int(MAX_S) * 48_000  # a compressed bomb at a high rate must not pass as six hours


class Status(enum.StrEnum):
    """What became of one utterance's audio; the words of the summary and of ``doctor``."""

    OK = "OK"
    TRUNCATED = "TRUNCATED"
    EMPTY = "EMPTY"
    NONFINITE = "NONFINITE"
    SILENT = "SILENT"
    CLIPPED = "CLIPPED"
    CHANNELS = "CHANNELS"
    RATE = "RATE"
    DECODE = "DECODE"
    TOO_LONG = "TOO_LONG"
    MISSING = "MISSING"


BY_FFMPEG = "FFMPEG"  # the word of a note, and never of a failure

# What each word means, for people; a word that is none of these explains itself.
MEANINGS: dict[str, str] = {
    Status.TRUNCATED: "shorter than its header or its table says",
    Status.EMPTY: "no sound, or under 0.01 s",
    Status.NONFINITE: "values that are no numbers",
    Status.SILENT: "never above -80 dB",
    Status.CLIPPED: "runs of samples at full scale",
    Status.CHANNELS: "several channels mixed down",
    Status.RATE: "a lower sample rate than the features want",
    Status.DECODE: "not audio, or of a format that cannot be read",
    Status.TOO_LONG: "over 6 hours",
    Status.MISSING: "no such file",
    BY_FFMPEG: "decoded by the program ffmpeg",
}


def in_words(status: str) -> str:
    """A status and what it means, as ``DECODE (not audio, or of a format that cannot be read)``."""
    return f"{status} ({MEANINGS[status]})" if status in MEANINGS else status


def upsampling_note(from_rate: int, to_rate: int) -> tuple[str, ...]:
    """The RATE note of a resampling upwards, as a tuple of one, or an empty tuple."""
    if to_rate <= from_rate:
        return ()
    return (f"{Status.RATE}: upsampled from {from_rate} Hz to {to_rate} Hz, bands above {from_rate / 2:g} Hz hold nothing",)


def rates_note(files: Mapping[int, int], wanted_hz: int, *, of_a_run: bool = False) -> str:
    """What it means that files have a lower sample rate than features want; empty where none has.

    Parameters
    ----------
    files : mapping of int to int
        Sample rate in Hz → number of files; 0 where it is not known.
    wanted_hz : int
        The highest rate of the features.
    of_a_run : bool
        The features are read by a run that is trained already, not by one that is to be trained on these files.

    Examples
    --------
    >>> rates_note({16000: 1440}, 22050)
    'the files have 16 kHz, the features want 22.05 kHz: bands above 8 kHz are empty, harmless within this corpus'
    >>> rates_note({16000: 20, 48000: 1420}, 22050)[:75]
    '20 of 1,440 files have 16 kHz, the others more, and the features want 22.05'
    """
    known = {rate: count for rate, count in files.items() if rate}
    low = {rate: count for rate, count in sorted(known.items()) if rate < wanted_hz}
    if not low:
        return ""
    rates, top = ", ".join(f"{rate / 1000:g}" for rate in low), f"{max(low) / 2000:g}"
    wanted = f"{wanted_hz / 1000:g} kHz"
    if len(known) == 1:
        harmless = "harmless if the run's own corpus had no more" if of_a_run else "harmless within this corpus"
        return f"the files have {rates} kHz, the features want {wanted}: bands above {top} kHz are empty, {harmless}"
    number, total = sum(low.values()), sum(known.values())
    all_of_them = f"the files have {rates} kHz"
    who = all_of_them if number == total else f"{number:,} of {total:,} files have {rates} kHz, the others more"
    learnt = f"which a model can learn in place of emotion; take features of {min(low) / 1000:g} kHz"
    return f"{who}, and the features want {wanted}: bands above {min(low) / 2000:g} kHz are empty in some files alone, " + (
        "which may change what the run says of those" if of_a_run else learnt
    )


def refuse_insane(sample_rate: int | None, channels: int | None) -> None:
    """Refuse a rate or a channel count that no speech corpus has; None is not looked at.

    Raises
    ------
    AudioError
        CHANNELS or RATE.
    """
    if channels is not None and not 1 <= channels <= MAX_CHANNELS:
        raise AudioError(Status.CHANNELS, f"header says {channels} channels, accepted are 1 to {MAX_CHANNELS}")
    if sample_rate is not None and not MIN_RATE <= sample_rate <= MAX_RATE:
        raise AudioError(Status.RATE, f"header says {sample_rate} Hz, accepted are {MIN_RATE} to {MAX_RATE} Hz")


def refuse_length(frames: int, rate: int) -> None:
    """Refuse what is longer or shorter than any utterance or recording of speech.

    Raises
    ------
    AudioError
        TOO_LONG or EMPTY.
    """
    if frames > MAX_S * rate or frames > MAX_FRAMES:
        raise AudioError(Status.TOO_LONG, f"header says {frames / rate / 3600:.1f} h, accepted are {MAX_S / 3600:g} h")
    if frames < MIN_S * rate:
        raise AudioError(Status.EMPTY, f"{frames} frames at {rate} Hz are shorter than {MIN_S} s")
