"""What the configuration beside an encoder's weights says, and the digest of their bytes; no torch, no transformers."""

from __future__ import annotations

import functools
import hashlib
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from featurekit.errors import MissingDependencyError, ParameterError
from featurekit.features.encoders import transducer
from featurekit.features.graph import Clock
from featurekit.settings import digest

# What fixes the numbers. Pickled weights (pytorch_model.bin) are not read: loading one may run a stranger's code.
_IDENTITY = ("config.json", "preprocessor_config.json", "processor_config.json", "*.safetensors")
_GET = "get it once with `hf download {0}`, or give the folder: model='path/to/folder'"


@dataclass(frozen=True)
class Encoder:
    """What the configuration beside the weights says of an encoder.

    Attributes
    ----------
    folder : Path
        Where the weights lie.
    digest : str
        Of their bytes and their configuration.
    family : str
        transformers' ``model_type``.
    dims, layers : int
        Size of a hidden state; number of transformer layers.
    sample_rate, hop_length : int
        Hz; samples between frames.
    field_length : int
        Samples that a frame of the convolutions reads; 0 for those that read a log-mel.
    """

    folder: Path
    digest: str
    family: str
    dims: int
    layers: int
    sample_rate: int
    hop_length: int
    field_length: int

    @property
    def reads_log_mel(self) -> bool:
        """Whether it hears a log-mel, on which SpecAugment falls; the others hear samples."""
        return not self.field_length

    @property
    def clock(self) -> Clock:
        """When its frames lie: Whisper's are centred, a transducer's take so many of Kaldi's, the others use no padding."""
        if self.family == transducer.FAMILY:
            return Clock(self.hop_length, start=self.hop_length / 2, extra=self.hop_length - transducer.HOP_LENGTH // 2)
        if not self.field_length:
            return Clock(self.hop_length)
        return Clock(self.hop_length, start=(self.field_length - 1) / 2, extra=self.hop_length - self.field_length)


def describe(model: str | None) -> Encoder:
    """Read the configuration and digest the weights; torch and transformers are not needed.

    Parameters
    ----------
    model : str or None
        A folder, or a hub id whose files the Hugging Face cache holds.

    Raises
    ------
    ParameterError
        When there is no model of that name on this machine, or it is no speech encoder in safetensors.
    MissingDependencyError
        For a hub id without huggingface_hub.
    """
    folder = _folder(model)
    if transducer.is_one(folder):
        return _transducer(folder, transducer.weights(folder))
    files = sorted({path for pattern in _IDENTITY for path in folder.glob(pattern)})
    if not (folder / "config.json").is_file() or not any(path.suffix == ".safetensors" for path in files):
        found = ", ".join(sorted(path.name for path in folder.iterdir())[:8]) or "nothing"
        raise ParameterError(f"{folder} holds no model: expected config.json and *.safetensors, found {found}")
    return _describe(folder, tuple((path, path.stat().st_size, path.stat().st_mtime_ns) for path in files))


def _folder(model: str | None) -> Path:
    if not model:
        raise ParameterError(
            "asr_encoder needs a model: a folder or a hub id, as in asr_encoder(model='openai/whisper-tiny.en', layer=2)"
        )
    folder = Path(model).expanduser()
    if folder.is_dir():
        return folder
    if model.count("/") > 1 or model[0] in "./~" or "\\" in model:
        raise ParameterError(f"there is no folder {model!r} with the weights of an encoder")
    try:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError
    except ModuleNotFoundError:
        raise MissingDependencyError(
            f"there is no folder {model!r}, and hub ids need transformers; pip install 'featurekit[asr]'"
        ) from None
    try:
        return Path(snapshot_download(model, local_files_only=True))
    except (LocalEntryNotFoundError, HFValidationError):
        raise ParameterError(
            f"the encoder {model!r} is neither a folder nor in this machine's Hugging Face cache; {_GET.format(model)}"
        ) from None


@functools.lru_cache(maxsize=16)
def _transducer(folder: Path, found: transducer.Weights) -> Encoder:
    size = transducer.sizes(found)
    # It has one state a frame for its readers: those of its inner layers have other clocks.
    facts = {"layers": 0, "sample_rate": transducer.SAMPLE_RATE, "field_length": 0, **size}
    return Encoder(folder=folder, digest=found.digest, family=transducer.FAMILY, **facts)


@functools.lru_cache(maxsize=16)
def _describe(folder: Path, files: tuple[tuple[Path, int, int], ...]) -> Encoder:
    """Sizes and times only say when to look again; they are in no digest."""
    config = read_json(folder / "config.json")
    front = read_json(folder / "preprocessor_config.json") if (folder / "preprocessor_config.json").is_file() else {}
    family = str(config.get("model_type"))
    if family != "whisper" and "conv_stride" not in config:
        raise ParameterError(
            f"{folder} holds a model of type {family!r}; asr_encoder reads speech encoders: whisper, wav2vec2, hubert, wavlm, …"
        )
    strides, kernels = config.get("conv_stride", [2]), config.get("conv_kernel", [])
    hop_length = math.prod(strides) * (int(front.get("hop_length", 160)) if family == "whisper" else 1)
    reach = [(kernel - 1) * math.prod(strides[:index]) for index, kernel in enumerate(kernels)]
    contents = []
    for path, _, _ in files:
        with open(path, "rb") as file:
            contents.append([path.name, hashlib.file_digest(file, "sha256").hexdigest()])
    return Encoder(
        folder=folder,
        digest=digest(contents),
        family=family,
        dims=int(config["d_model" if family == "whisper" else "hidden_size"]),
        layers=int(config["encoder_layers" if family == "whisper" else "num_hidden_layers"]),
        sample_rate=int(front.get("sampling_rate", 16000)),
        hop_length=hop_length,
        field_length=1 + sum(reach) if reach else 0,
    )


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object that came with the weights.

    Raises
    ------
    ParameterError
        When it is none.
    """
    try:
        return dict(json.loads(path.read_text("utf-8")))
    except (ValueError, TypeError) as error:
        raise ParameterError(f"{path} is not a JSON object ({error}); download the model again") from None
