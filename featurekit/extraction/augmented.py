"""Augmented children: utterances made from others by a perturbation of their samples or log-mel, stored like any.

A child is an utterance of the manifest with a ``parent`` and a ``perturbation``, such as ``noise(snr_db=15)``. It names the
parent's stretch of the parent's file; extraction decodes that and perturbs it. What is random is drawn from a hash of the
parent's id and the perturbation, so a child is the same in every run and on every machine. The perturbation is part of the
fingerprint: one whose numbers change gets another name.
"""

from __future__ import annotations

import dataclasses
import hashlib
import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from featurekit import audio, features
from featurekit.calls import parse_call
from featurekit.errors import AudioError, ParameterError, UnknownNameError
from featurekit.extraction.denoising import reduce_noise
from featurekit.extraction.vocoder import shift_pitch
from featurekit.features.specaugment import SpecAugment, without_log_mel
from featurekit.manifest import Manifest, Utterance
from featurekit.resampling import resample


def speed(samples: np.ndarray, sample_rate: int, rng: np.random.Generator, *, factor: float) -> np.ndarray:
    """Play ``factor`` times as fast: shorter and higher, as from a tape (Ko et al. 2015 use 0.9 and 1.1)."""
    _inside("factor", factor, 0.5, 2.0)
    return resample(samples, sample_rate * factor, sample_rate)


def pitch(samples: np.ndarray, sample_rate: int, rng: np.random.Generator, *, semitones: float) -> np.ndarray:
    """Shift the pitch by ``semitones``, formants with it, and keep the length (a phase vocoder, then resampling)."""
    _inside("semitones", semitones, -12.0, 12.0)
    return shift_pitch(samples, sample_rate, semitones)


def noise(samples: np.ndarray, sample_rate: int, rng: np.random.Generator, *, snr_db: float) -> np.ndarray:
    """Add white noise ``snr_db`` below the mean power of the utterance; silence stays silent."""
    _inside("snr_db", snr_db, -20.0, 100.0)
    drawn = rng.standard_normal(len(samples))
    power, own = (float(np.mean(np.square(one, dtype=np.float64))) for one in (samples, drawn))
    gain = np.sqrt(power / (own * 10 ** (snr_db / 10)))
    return (samples + gain * drawn).astype(np.float32)


def room(
    samples: np.ndarray, sample_rate: int, rng: np.random.Generator, *, rt60_s: float = 0.4, drr_db: float = 0.0
) -> np.ndarray:
    """Put it into a room: noise that decays by 60 dB in ``rt60_s``, ``drr_db`` below the direct sound; the power stays."""
    _inside("rt60_s", rt60_s, 0.02, 5.0)
    _inside("drr_db", drr_db, -30.0, 60.0)
    from scipy.signal import fftconvolve  # lazy: it takes a moment to import

    length = max(2, round(rt60_s * sample_rate))
    tail = rng.standard_normal(length) * 10 ** (-3 * np.arange(length) / length)  # 60 dB in amplitude is a thousandth
    tail[0] = 0.0
    tail *= np.sqrt(10 ** (-drr_db / 10) / np.sum(tail**2))
    tail[0] = 1.0  # the direct sound, so that nothing is delayed
    heard = fftconvolve(samples.astype(np.float64), tail)[: len(samples)]
    power, own = (float(np.mean(np.square(one, dtype=np.float64))) for one in (samples, heard))
    return (heard * np.sqrt(power / own) if own > 0 else heard).astype(np.float32)


def shift(samples: np.ndarray, sample_rate: int, rng: np.random.Generator, *, shift_s: float) -> np.ndarray:
    """Move it by ``shift_s`` later (earlier when negative); silence comes in, the length stays."""
    _inside("shift_s", shift_s, -10.0, 10.0)
    steps = round(shift_s * sample_rate)
    if abs(steps) >= len(samples):
        raise AudioError("EMPTY", f"a shift of {shift_s:g} s leaves nothing of {len(samples) / sample_rate:.2f} s")
    moved = np.zeros_like(samples)
    moved[max(steps, 0) : len(samples) + min(steps, 0)] = samples[max(-steps, 0) : len(samples) - max(steps, 0)]
    return moved


def denoise(samples: np.ndarray, sample_rate: int, rng: np.random.Generator, *, reduction_db: float = 12.0) -> np.ndarray:
    """Lower steady noise by up to ``reduction_db`` (a Wiener filter; the noise is estimated from the quiet of each band)."""
    _inside("reduction_db", reduction_db, 0.0, 60.0)
    return reduce_noise(samples, sample_rate, reduction_db)


def specaugment(
    samples: np.ndarray,
    sample_rate: int,
    rng: np.random.Generator,
    *,
    seed: int = 0,
    time_warp: int = 80,
    frequency_masks: int = 1,
    frequency_width: int = 27,
    time_masks: int = 1,
    time_width: int = 100,
) -> np.ndarray:
    """Warp and mask the log-mel that a column or an encoder reads (Park et al. 2019); the samples stay as they are."""
    SpecAugment(time_warp, frequency_masks, frequency_width, time_masks, time_width)
    return samples


PERTURBATIONS: dict[str, Callable[..., np.ndarray]] = {
    "speed": speed,
    "pitch": pitch,
    "noise": noise,
    "room": room,
    "shift": shift,
    "denoise": denoise,
    "specaugment": specaugment,
}


def parse(request: str) -> list[str]:
    """Perturbations as ``--perturb`` takes them → their full names, every setting said.

    >>> parse("speed(0.9), noise(snr_db=15), room")
    ['speed(factor=0.9)', 'noise(snr_db=15.0)', 'room(rt60_s=0.4,drr_db=0.0)']

    Raises
    ------
    UnknownNameError
        For a perturbation or setting that does not exist.
    ParameterError
        For a setting that is missing or out of range, or the same perturbation twice.
    """
    found = []
    for text in features.split(request):
        name, settings = _read(text)
        # Tried on silence: a value out of range is said before anything is extracted, by the function that knows it.
        PERTURBATIONS[name](np.zeros(12_000, np.float32), 1000, np.random.default_rng(0), **settings)
        found.append(f"{name}({','.join(f'{key}={value!r}' for key, value in settings.items())})")
    if not found or len(set(found)) < len(found):
        raise ParameterError(f"--perturb needs different perturbations, as in 'speed(0.9),noise(snr_db=15)'; got {request!r}")
    return found


def with_children(manifest: Manifest, request: str) -> Manifest:
    """The manifest, then a child of every original utterance for every perturbation, block by block.

    Rows of the originals stay where they are, so a store that has them computes the children only. A child's id is its
    parent's with ``~`` and the perturbation; recording, position, speaker and labels are the parent's.

    Parameters
    ----------
    manifest : Manifest
        May have children already; they are kept, and those asked for again are not doubled.
    request : str
        As :func:`parse` takes it.

    Raises
    ------
    UnknownNameError, ParameterError
        As :func:`parse`.
    """
    originals = [item for item in manifest if not item.parent]
    made = [child(item, perturbation) for perturbation in parse(request) for item in originals]
    return Manifest([*manifest, *(item for item in made if item.id not in manifest)])


def child(parent: Utterance, perturbation: str) -> Utterance:
    """The child of an utterance; ``perturbation`` as :func:`parse` gives it."""
    return dataclasses.replace(
        parent,
        id=f"{parent.id}~{perturbation}",
        parent=parent.id,
        perturbation=perturbation,
        duration_s=None,
        fingerprint="",
        labels=_in_its_time(parent.labels, perturbation),
    )


def decode(root: Path, utterance: Utterance) -> audio.Signal:
    """What is heard of an utterance: its stretch of its file below ``root``, perturbed where it is a child.

    Raises
    ------
    AudioError
        When the file's bytes are bad, or the perturbation leaves nothing.
    """
    signal = audio.decode(root / utterance.path, start=utterance.start, end=utterance.end, channel=utterance.channel)
    return perturbed(signal, utterance)


def load_at_rates(root: Path, utterance: Utterance, rates: Sequence[int]) -> audio.SignalAtRates:
    """What :func:`decode` gives, resampled to each of ``rates``; an original is decoded and resampled block by block.

    Raises
    ------
    AudioError
        As :func:`decode`.
    """
    if not utterance.perturbation or mask_of(utterance) is not None:  # whose samples are the parent's
        path = root / utterance.path
        return audio.load_at_rates(path, rates, start=utterance.start, end=utterance.end, channel=utterance.channel)
    signal = decode(root, utterance)
    samples = {rate: audio.resample(signal.samples, signal.sample_rate, rate) for rate in rates}
    return audio.SignalAtRates(samples, signal.original_rate, signal.duration_s, signal.notes)


def perturbed(signal: audio.Signal, utterance: Utterance) -> audio.Signal:
    """The signal of an utterance, from what was decoded for it: as it is, or perturbed where it is a child.

    Parameters
    ----------
    signal : Signal
        The parent's stretch.
    utterance : Utterance
        Says the perturbation and, for what is random, the parent.

    Raises
    ------
    AudioError
        When the perturbation leaves nothing.
    UnknownNameError, ParameterError
        For a perturbation that does not exist.
    """
    if not utterance.perturbation:
        return signal
    name, settings = _read(utterance.perturbation)
    rng = np.random.default_rng(_seed(utterance))
    samples = PERTURBATIONS[name](signal.samples, signal.sample_rate, rng, **settings)
    return dataclasses.replace(signal, samples=np.ascontiguousarray(samples))


def mask_of(utterance: Utterance) -> SpecAugment | None:
    """What changes the log-mel of a child made by ``specaugment``; None for every other utterance."""
    if not utterance.perturbation.startswith("specaugment"):
        return None
    _, settings = _read(utterance.perturbation)
    settings.pop("seed")  # it is in the name, of which the draw is a hash
    return SpecAugment(**{key: int(value) for key, value in settings.items()}, draw=_seed(utterance))


def device_of(manifest: Manifest, device: str, *, new: bool) -> str:
    """``device``, but the CPU where "auto" may choose for a new store and there are masked children, which a GPU has not."""
    return "cpu" if device == "auto" and new and _first_masked(manifest) is not None else device


def check_columns(manifest: Manifest, columns: Iterable[features.Column]) -> None:
    """Refuse columns that the masks of the manifest's children cannot reach.

    Raises
    ------
    ParameterError
        For a column that hears the signal past every log-mel, or that a GPU computes, where there is a masked child.
    """
    masked = _first_masked(manifest)
    if masked is None:
        return
    columns = list(columns)
    unreached = sorted(column.name for column in without_log_mel(columns))
    if unreached:
        raise ParameterError(
            f"specaugment masks a log-mel; of the columns these read none: {', '.join(unreached[:5])}; there {masked.id} would "
            "be the same as its parent; ask for fbank, log_mel, lu2020 or a Whisper encoder alone, in a store of its own (-o)"
        )
    on_gpu = sorted(column.name for column in columns if column.engine != "cpu")
    if on_gpu:
        raise ParameterError(
            f"the children of specaugment are computed on the CPU, and {', '.join(on_gpu[:5])} on a GPU; "
            "use --device cpu, in a store of its own (-o)"
        )


def _first_masked(manifest: Manifest) -> Utterance | None:
    return next((item for item in manifest if mask_of(item) is not None), None)


def _seed(utterance: Utterance) -> int:
    """What is random of a child is a function of its parent's id and the perturbation."""
    text = f"{utterance.parent}\0{utterance.perturbation}".encode("utf-8", "surrogateescape")
    return int.from_bytes(hashlib.sha256(text).digest()[:8], "big")


def duration_s(perturbation: str, parent_s: float) -> float:
    """Seconds an utterance of this perturbation lasts (an empty one is none) whose parent lasts ``parent_s``."""
    name, settings = _read(perturbation) if perturbation else ("", {})
    return parent_s / float(settings["factor"]) if name == "speed" else parent_s


def _in_its_time(labels: Mapping[str, Any], perturbation: str) -> Mapping[str, Any]:
    """Raw labels with the times of ``words`` where the child has them: another speed or a shift moves what is said."""
    name, settings = _read(perturbation)
    if not labels.get("words") or name not in ("speed", "shift"):
        return labels
    factor, later = settings.get("factor", 1.0), settings.get("shift_s", 0.0)
    try:
        moved = [(start / factor + later, end / factor + later, word) for start, end, word in labels["words"]]
    except (TypeError, ValueError):  # no times: who draws them says so
        return labels
    heard = [[round(max(start, 0.0), 6), round(end, 6), word] for start, end, word in moved if end > 0]
    return {**labels, "words": heard}


def describe(name: str) -> str:
    """One line on a perturbation, with its settings.

    Raises
    ------
    UnknownNameError
        When there is none of that name.
    """
    settings = ", ".join(f"{item.name}={'…' if item.default is item.empty else item.default}" for item in _settings(name))
    return f"{(PERTURBATIONS[name].__doc__ or '').splitlines()[0]}  [{settings}]"


def _settings(name: str) -> list[inspect.Parameter]:
    if name not in PERTURBATIONS:
        raise UnknownNameError("perturbation", name, PERTURBATIONS)
    parameters = inspect.signature(PERTURBATIONS[name]).parameters.values()
    return [item for item in parameters if item.kind is item.KEYWORD_ONLY]


def _read(text: str) -> tuple[str, dict[str, Any]]:
    """``speed(0.9)`` → name and all settings, floats or counts; one bare value is the first setting's."""
    head, bracket, inside = text.partition("(")
    accepted = _settings(head.strip())
    if bracket and "=" not in inside and inside.strip(" )"):
        text = f"{head}({accepted[0].name}={inside}"
    name, given = parse_call(text)
    names = [item.name for item in accepted]
    for key, value in given.items():
        if key not in names:
            raise UnknownNameError(f"setting of {name}:", key, names)
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise ParameterError(f"{text}: {key} must be a number, got {value!r}")
    counts = {item.name for item in accepted if item.annotation == "int"}
    for key in sorted(counts & given.keys()):
        if given[key] < 0 or given[key] != int(given[key]):
            raise ParameterError(f"{text}: {key} must be a whole number, 0 or more, got {given[key]!r}")
    values: dict[str, Any] = {item.name: given.get(item.name, item.default) for item in accepted}
    lacking = [key for key, value in values.items() if value is inspect.Parameter.empty]
    if lacking:
        raise ParameterError(f"{text} needs {lacking[0]}, as in {name}({lacking[0]}=…)")
    return name, {key: int(value) if key in counts else float(value) for key, value in values.items()}


def _inside(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise ParameterError(f"{name} is {value:g}; expected {low:g} to {high:g}")
