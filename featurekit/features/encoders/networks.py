"""Encoders in memory, and what they say of windows of sound, many at a time; through torch and transformers."""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from featurekit.errors import MissingDependencyError, ParameterError
from featurekit.features.encoders import transducer
from featurekit.features.encoders.weights import Encoder, describe, read_json
from featurekit.features.specaugment import SpecAugment

# Whisper's positions end at 30 s. The others have no end, but their attention grows with the square of the length.
WINDOW_S = 30.0


def encode_many(
    signals: Sequence[np.ndarray],
    model: str | None,
    *,
    device: str = "cpu",
    windows_per_call: int = 1,
    masks: Sequence[SpecAugment | None] = (),
) -> list[np.ndarray]:
    """Hidden states of several signals, as :func:`encoder_states` gives them for one.

    Windows of several signals share a call of the network, and none changes another by more than rounding (1e-5 of the
    largest value in float32): Whisper's are all of one length, and of the others' only the frames behind the convolutions
    are padded, masked in every attention. The convolutions hear each window alone, for some normalise over all of it.

    Parameters
    ----------
    signals : sequence of np.ndarray [shape=(samples,)]
    model : str
        As for :func:`encoder_states`.
    device : str
        Torch's name of where the network runs.
    windows_per_call : int
        One on a CPU, which gains nothing from more.
    masks : sequence of SpecAugment or None
        One a signal, where there are any: what changes the log-mel that the network reads. Of what is heard in several
        windows each one is changed by itself, up to the end of the signal.

    Returns
    -------
    list of np.ndarray [shape=(1 + layers, dims, frames)]
    """
    facts = describe(model)
    changes = masks or [None] * len(signals)
    if facts.family == transducer.FAMILY:
        return _transduced(facts, signals, device, changes)
    network = _load(facts, device)
    from featurekit.whole_float32 import whole_float32  # imports torch; without it, _load has said so

    states = [np.empty((1 + facts.layers, facts.dims, facts.clock.n_frames(len(signal))), np.float32) for signal in signals]
    windows = [window for index, signal in enumerate(signals) for window in _windows(network, index, signal, changes[index])]
    windows.sort(key=lambda window: len(window.samples))  # neighbours in length share a call, so that little is padded
    with whole_float32(), _one_thread():
        for at in range(0, len(windows), windows_per_call):
            call = windows[at : at + windows_per_call]
            for window, values in zip(call, _run(network, call), strict=True):
                kept = slice(window.kept - window.first, window.last - window.first)
                states[window.signal][:, :, window.kept : window.last] = values[:, :, kept]
    return states


def _transduced(
    facts: Encoder, signals: Sequence[np.ndarray], device: str, masks: Sequence[SpecAugment | None]
) -> list[np.ndarray]:
    """A transducer hears an utterance as a whole; its recurrence has no end."""
    try:
        import safetensors.torch  # noqa: F401

        from featurekit.whole_float32 import whole_float32
    except ModuleNotFoundError:
        raise MissingDependencyError("asr_encoder needs torch and safetensors; pip install 'featurekit[asr]'") from None
    weights = transducer.weights(facts.folder)
    with whole_float32(), _one_thread():
        return [transducer.encode(weights, signal, device, mask) for signal, mask in zip(signals, masks, strict=True)]


class _Window(NamedTuple):
    """What the network hears at once: frames from ``first`` to ``last`` of a signal, of which those from ``kept`` on count."""

    signal: int
    first: int
    kept: int
    last: int
    samples: np.ndarray
    mask: Callable[[np.ndarray], np.ndarray] | None


class _Network(NamedTuple):
    """An encoder in memory. Its convolutions stand beside it, for they hear each window alone; Whisper has them inside."""

    facts: Encoder
    device: str
    front_end: Any
    convolutions: Any
    transformer: Any


def _windows(network: _Network, index: int, signal: np.ndarray, mask: SpecAugment | None) -> Iterator[_Window]:
    facts, kept = network.facts, 0
    n_frames, per_window = facts.clock.n_frames(len(signal)), round(WINDOW_S * facts.sample_rate / facts.hop_length)
    if facts.field_length:  # the scale is the whole signal's, whatever the windows
        signal = network.front_end(signal, sampling_rate=facts.sample_rate, return_tensors="np").input_values[0]
    for part, first in enumerate(window_starts(n_frames, per_window)):
        last = min(first + per_window, n_frames)
        # The last samples, too few for a frame, are heard all the same: group norms average over them.
        end = len(signal) if last == n_frames else (last - 1) * facts.hop_length + (facts.field_length or facts.hop_length)
        change = None if mask is None else functools.partial(mask, part=part)
        yield _Window(index, first, kept, last, signal[first * facts.hop_length : end], change)
        kept = last


def window_starts(n_frames: int, per_window: int) -> list[int]:
    """First frames of windows that cover ``n_frames``; the last is moved back until it is full.

    >>> window_starts(100, 1500), window_starts(3100, 1500)
    ([0], [0, 1500, 1600])
    """
    starts = list(range(0, n_frames, per_window))
    starts[-1] = max(0, n_frames - per_window)
    return starts


def _run(network: _Network, windows: Sequence[_Window]) -> list[np.ndarray]:
    """All hidden states of each window [shape=(1 + layers, dims, at least its own frames)]."""
    import torch

    with torch.inference_mode(), warnings.catch_warnings():
        # Transformers' WavLM gives torch a mask of bools beside a bias of floats, which torch adds up and will not for ever.
        warnings.filterwarnings("ignore", "Support for mismatched key_padding_mask")
        parts = [window.samples for window in windows]
        heard, mask = _mels(network, windows) if network.convolutions is None else _convolved(network, parts)
        outputs = network.transformer(heard, **mask, output_hidden_states=True).hidden_states
        return [*torch.stack(outputs, dim=1).transpose(2, 3).cpu().numpy()]


def _mels(network: _Network, windows: Sequence[_Window]) -> tuple[Any, dict[str, Any]]:
    import torch

    facts = network.facts
    longest = round(WINDOW_S * facts.sample_rate)
    given = {"sampling_rate": facts.sample_rate, "return_tensors": "np", "device": network.device}
    features = np.asarray(network.front_end([window.samples[:longest] for window in windows], **given).input_features)
    for values, window in zip(features, windows, strict=True):
        if window.mask is not None:  # frames beyond the signal are padding, and stay so
            n_frames = 1 + (min(len(window.samples), longest) - 1) // network.front_end.hop_length
            values[:, :n_frames] = window.mask(values[:, :n_frames])
    return torch.from_numpy(features).to(network.device), {}


def _convolved(network: _Network, parts: list[np.ndarray]) -> tuple[Any, dict[str, Any]]:
    """What the convolutions say of each part, padded to one length, and which samples of that are real."""
    import torch

    least = network.facts.field_length  # only a clip shorter than a frame grows
    heard = [torch.from_numpy(np.pad(part, (0, max(0, least - len(part))))).to(network.device) for part in parts]
    frames = [network.convolutions(part[None])[0].T for part in heard]
    padded = torch.nn.utils.rnn.pad_sequence(frames, batch_first=True).transpose(1, 2)
    if len({len(part) for part in frames}) == 1:
        return padded, {}
    counts = [len(part) for part in heard]
    mask = torch.arange(max(counts), device=network.device) < torch.tensor(counts, device=network.device)[:, None]
    return padded, {"attention_mask": mask.long()}


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """Torch's threads split sums differently on other machines."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


@functools.lru_cache(maxsize=2)
def _load(facts: Encoder, device: str) -> _Network:
    """An encoder and its front end, loaded once a process.

    Raises
    ------
    MissingDependencyError
        Without torch or transformers.
    ParameterError
        When the file lacks weights that the encoder needs, which transformers would fill with random numbers.
    """
    transformers = _transformers()
    quiet, bars = transformers.utils.logging.get_verbosity(), transformers.utils.logging.is_progress_bar_enabled()
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    try:
        model, report = transformers.AutoModel.from_pretrained(
            facts.folder, local_files_only=True, use_safetensors=True, output_loading_info=True
        )
        front_end = _front_end(transformers, facts)
    finally:
        transformers.utils.logging.set_verbosity(quiet)
        if bars:
            transformers.utils.logging.enable_progress_bar()
    lacking = sorted(key for key in report["missing_keys"] if not key.startswith(("decoder.", "masked_spec_embed")))
    if lacking:
        raise ParameterError(f"the weights in {facts.folder} lack {', '.join(lacking[:3])}, …; download the model again")
    model = (model.get_encoder() if facts.family == "whisper" else model).float().eval().to(device)
    convolutions = None
    if facts.family != "whisper":
        from torch import nn

        convolutions, model.feature_extractor = model.feature_extractor, nn.Identity()
    return _Network(facts, device, front_end, convolutions, model)


def _front_end(transformers: Any, facts: Encoder) -> Any:
    name = "WhisperFeatureExtractor" if facts.family == "whisper" else "Wav2Vec2FeatureExtractor"
    kind = getattr(transformers, name)
    if (facts.folder / "preprocessor_config.json").is_file():
        return kind.from_pretrained(facts.folder, local_files_only=True)
    config = read_json(facts.folder / "config.json")
    return kind(feature_size=config["num_mel_bins"]) if facts.family == "whisper" else kind()


def _transformers() -> Any:
    """transformers, also beside a torchvision that fails while it is imported, although speech needs no image."""
    try:
        import transformers
    except ModuleNotFoundError:
        raise MissingDependencyError("asr_encoder needs torch and transformers; pip install 'featurekit[asr]'") from None
    if importlib.util.find_spec("torchvision") is not None:
        from featurekit.torchvision_mend import torchvision_models

        torchvision_models()
    return transformers
