"""Speech encoders: the hidden states of Whisper, wav2vec 2.0, HuBERT or WavLM as frame features, through transformers.

And of the encoder of Lu et al.'s RNN transducer, by torch alone (:mod:`~featurekit.features.encoders.transducer`).

Weights come from a local folder or from what the Hugging Face cache already holds; nothing is ever downloaded here. They
are part of a column's key by the digest of their bytes, so that a moved folder keeps its columns and other weights under
an old name do not pass for them.
"""

from __future__ import annotations

import numpy as np

from featurekit.errors import AudioError, ParameterError
from featurekit.features.encoders.networks import encode_many
from featurekit.features.encoders.weights import Encoder, describe
from featurekit.features.graph import Settings, feature, node
from featurekit.features.specaugment import SpecAugment

__all__ = ["Encoder", "asr_encoder", "describe", "encode_many", "encoder_states"]

LARGEST_STATES_BYTES = 4 * 2**30
LARGEST_FLOAT16 = float(np.finfo(np.float16).max)


def _check_model(settings: Settings) -> None:
    encoder = describe(settings["model"])
    if settings["sample_rate"] != encoder.sample_rate:
        raise ParameterError(
            f"the encoder {settings['model']!r} hears {encoder.sample_rate} Hz; "
            f"got sample_rate={settings['sample_rate']}, leave it out or give {encoder.sample_rate}"
        )


def _masked(mask: SpecAugment, signal: np.ndarray, *, model: str | None) -> np.ndarray:
    _check_size(signal, model)
    return encode_many([signal], model, masks=[mask])[0]


def _check_size(signal: np.ndarray, model: str | None) -> None:
    facts = describe(model)
    size = 4 * (1 + facts.layers) * facts.dims * facts.clock.n_frames(len(signal))
    if size > LARGEST_STATES_BYTES:
        reason = f"all layers of {len(signal) / facts.sample_rate:.0f} s take {size / 2**30:.1f} GiB; cut it into utterances"
        raise AudioError("TOO_LONG", reason)


@node(
    check=_check_model,
    identity=lambda own: {"weights": describe(own["model"]).digest},
    extra="asr",
    log_mel=lambda own: describe(own["model"]).reads_log_mel,
    masked=_masked,
)
def encoder_states(signal: np.ndarray, *, model: str | None = None) -> np.ndarray:
    """Hidden states of a pre-trained speech encoder: its input to the first layer, then the output of each layer.

    Whisper hears windows of 30 s, padded with silence as it was trained; frames of the padding are dropped. wav2vec 2.0
    and its kin hear the signal itself, scaled to zero mean and unit variance where their configuration says so. What is
    longer than 30 s is heard in windows of 30 s; the last one is moved back until it is full, so that no frame lacks a
    context, and frames heard twice are taken from the earlier window. A transducer hears all of it at once. On the CPU,
    in float32, by one thread: the same values everywhere.

    Parameters
    ----------
    signal : np.ndarray [shape=(samples,)]
    model : str
        A folder with config.json and safetensors, a fold's folder of a run of ``rnnt-attention``, or a hub id that this
        machine's Hugging Face cache holds.

    Returns
    -------
    np.ndarray [shape=(1 + layers, dims, frames)]

    Raises
    ------
    AudioError
        ``TOO_LONG`` for a recording whose hidden states would take more than 4 GiB.
    """
    _check_size(signal, model)
    return encode_many([signal], model)[0]


def _check_layer(settings: Settings) -> None:
    layers, layer = describe(settings["model"]).layers, settings["layer"]
    if not (layer == "mean" or (isinstance(layer, int) and -1 - layers <= layer <= layers)):
        has = (
            f"0 (what enters the first layer) to {layers}, -1 for the last, or mean" if layers else "its last states alone, -1"
        )
        raise ParameterError(f"asr_encoder: layer is {layer!r}; this encoder has {has}")
    if settings["dtype"] not in ("f2", "f4"):
        raise ParameterError(f"asr_encoder: dtype is {settings['dtype']!r}; expected f2 (float16) or f4 (float32)")


@feature(
    unit="",
    dims=lambda settings: describe(settings["model"]).dims,
    clock=lambda settings: describe(settings["model"]).clock,
    check=_check_layer,
    extra="asr",
)
def asr_encoder(encoder_states: np.ndarray, *, layer: int | str = -1, dtype: str = "f2") -> np.ndarray:
    """Hidden states of a speech encoder (Whisper, wav2vec 2.0, HuBERT, WavLM), frozen, as features.

    Needs ``pip install 'featurekit[asr]'`` and the weights: ``asr_encoder(model='openai/whisper-tiny.en', layer=2)``.
    Several layers of one model are several columns and one run of the encoder. Values are transformers' own. Frames
    of the padding are not kept: frame t of Whisper is centred on ``0.02 t`` seconds, that of the others, which pad
    nothing, on ``0.02 t + 0.0125``, that of a transducer's encoder on ``0.08 t + 0.04``.

    Parameters
    ----------
    encoder_states : np.ndarray [shape=(1 + layers, dims, frames)]
    layer : int or "mean"
        0 is what enters the first layer, k the output of layer k, -1 the last; "mean" is the mean of all, with which
        SUPERB's weighted sum begins.
    dtype : {"f2", "f4"}
        How the values are rounded and stored: float16, half the size, or float32.

    Returns
    -------
    np.ndarray [shape=(dims, frames)]

    References
    ----------
    Lu, Cao, Zhang, Chiu, Fan (2020), Speech sentiment analysis via pre-trained features from end-to-end ASR models.
    """
    chosen = encoder_states.mean(axis=0) if isinstance(layer, str) else encoder_states[layer]
    if dtype == "f4":
        return chosen
    # Rounded here, not by the store: what is predicted on and what is trained on are then the same numbers.
    return np.clip(chosen, -LARGEST_FLOAT16, LARGEST_FLOAT16).astype(np.float16).astype(np.float32)
