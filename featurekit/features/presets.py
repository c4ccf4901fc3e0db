"""Presets and aliases: names for sets of columns, so that a paper's inputs are one word."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from featurekit.registry import Registry


@dataclass(frozen=True)
class Preset:
    """A named set of columns.

    Attributes
    ----------
    name : str
        Its columns are called ``<name>/<label>``.
    columns : dict
        Label → request for one feature.
    settings : dict
        Given to every column that accepts them; the sample rate always belongs here.
    summary : str
        One sentence.
    source : str
        The paper.
    asks : dict
        Settings that whoever names the preset has to give, as in ``lu2020-asr(model=FOLDER)`` → what they are.
    """

    name: str
    columns: Mapping[str, str]
    settings: Mapping[str, int | float | str | None]
    summary: str
    source: str
    asks: Mapping[str, str] = field(default_factory=dict)


PRESETS: Registry[Preset] = Registry("preset", "featurekit.features")

# Names of single requests, beside the rule <feature><count> (mfcc20, log_mel80). mel256 shares luo2019's STFT, so that the
# default set computes one; 256 bands leave no band without a bin there.
ALIASES = {
    "mel256": "mel(n_mels=256, n_fft=2048, hop_length=512, sample_rate=22050)",
}

_LIBROSA_FRAMING = {"sample_rate": 22050, "n_fft": 2048, "hop_length": 512}
_LUO = "Luo, Xu, Chen (2019), Utterance-based audio sentiment analysis learned by a parallel combination of CNN and LSTM"
_LUO_COLUMNS = {
    "mfcc": "mfcc(n_mfcc=13)",
    "rms": "rms",
    "spectral_centroid": "spectral_centroid",
    "spectral_contrast": "spectral_contrast",
    "chroma_stft": "chroma_stft",
    "tonnetz": "tonnetz",
    "spectral_bandwidth": "spectral_bandwidth",
}
_LU = "Lu, Cao, Zhang, Chiu, Fan (2020), Speech sentiment analysis via pre-trained features from end-to-end ASR models"
_BANERJEE = "Banerjee, Huang, Lettiere (2021), Speech sentiment classification on RAVDESS (MultiNet)"
_BANERJEE_COLUMNS = {
    "mel": "mel(n_mels=256)",
    "mfcc": "mfcc(n_mfcc=20)",
    "chroma_stft": "chroma_stft",
    "spectral_contrast": "spectral_contrast",
    "tonnetz": "tonnetz",
}
_ISSA = "Issa, Demirci, Yazici (2020), Speech emotion recognition with deep convolutional neural networks"
_ISSA_COLUMNS = {**_BANERJEE_COLUMNS, "tonnetz": "tonnetz_harmonic"}
_HE = "He, Ren, He (2019), Speech emotion recognition with CNN, BLSTM and attention"
# Energy and crossings have no window: their frame is the window's 20 ms. No two periods of a low voice fit into that, nor
# does a resonance: F0 and formants keep their own frames of 64 and 50 ms, around the same centres.
_HE_COLUMNS = {
    "fft_spectrum": "fft_spectrum",
    "f0": "f0_pyin",
    "formants": "formants",
    "log_energy": "log_energy(n_fft=320)",
    "zcr": "zcr(n_fft=320)",
    "mfcc": "mfcc(n_mfcc=13, n_mels=40)",
}
_HE_FRAMING = {"sample_rate": 16000, "n_fft": 512, "win_length": 320, "hop_length": 160}


def _means(columns: Mapping[str, str]) -> dict[str, str]:
    return {name: f"functionals(of={request}, stats=mean)" for name, request in columns.items()}


for _preset in (
    Preset(
        "luo2019",
        _LUO_COLUMNS,
        _LIBROSA_FRAMING,
        "Seven acoustic features, 41 dims, at librosa's defaults; the paper does not name the seventh: ours is bandwidth.",
        _LUO,
    ),
    Preset(
        "luo2019-best4",
        {name: _LUO_COLUMNS[name] for name in ("mfcc", "spectral_centroid", "chroma_stft", "spectral_contrast")},
        _LIBROSA_FRAMING,
        "The four features of the best result, 33 dims; the same computations as luo2019's.",
        _LUO,
    ),
    Preset(
        "luo2019-image",
        {"spectrogram": "spectrogram(height=512, width=512)"},
        _LIBROSA_FRAMING,
        "One 512 x 512 spectrogram image an utterance, from luo2019's own STFT.",
        _LUO,
    ),
    Preset(
        "lu2020",
        {"fbank": "fbank(n_mels=80)"},
        {"sample_rate": 16000, "win_length": 400, "hop_length": 160, "n_fft": 512},
        "Log-mel energies in 80 bands, 25 ms windows every 10 ms, as Kaldi's: what the ASR encoder reads.",
        _LU,
    ),
    Preset(
        "lu2020-asr",
        {"encoder": "asr_encoder(layer=-1)"},
        {"sample_rate": 16000},
        "Last hidden states of a pre-trained ASR encoder, 50 a second; the paper's own is not public: name one.",
        _LU,
        asks={"model": "the folder or hub id of a speech encoder, as in lu2020-asr(model='openai/whisper-tiny.en')"},
    ),
    Preset(
        "cs582",
        _means({"mfcc": "mfcc(n_mfcc=128)"}),
        _LIBROSA_FRAMING,
        "The mean over time of 128 MFCC: one vector of 128 an utterance, at librosa's defaults.",
        "CS 582 project report, Sentiment analysis of audio by a BiLSTM",
    ),
    Preset(
        "banerjee2021",
        _BANERJEE_COLUMNS,
        {**_LIBROSA_FRAMING, "fmax": 4096.0},
        "Five features of one clock, 301 dims stacked; the paper pads or cuts them to 250 frames (n_frames of the run).",
        _BANERJEE,
    ),
    Preset(
        "issa2020",
        _means(_ISSA_COLUMNS),
        {**_LIBROSA_FRAMING, "fmax": 4096.0},
        "Means over time of banerjee2021's features, 301 dims, the tonnetz of the harmonic part: Issa's network there.",
        _ISSA,
    ),
    Preset(
        "issa2020-own",
        _means({**_ISSA_COLUMNS, "mel": "mel(n_mels=128)", "mfcc": "mfcc(n_mfcc=40)"}),
        _LIBROSA_FRAMING,
        "Means over time of Issa's own 193 dims: 40 MFCC, 12 chroma, 128 mel, 7 contrast, 6 tonnetz (harmonic).",
        _ISSA,
    ),
    Preset(
        "he2019",
        {**_HE_COLUMNS, "functionals": f"functionals(of=[{', '.join(_HE_COLUMNS.values())}])"},
        _HE_FRAMING,
        "Low-level descriptors every 10 ms in 20 ms windows, and 11 functionals of each as one vector an utterance.",
        _HE,
    ),
):
    PRESETS.add(_preset.name, _preset)
