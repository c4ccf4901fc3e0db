"""Twins of :mod:`featurekit.features.mel` and of the wavelets of its log-mel spectrum."""

from __future__ import annotations

import functools

import numpy as np
import torch

from featurekit.features.cepstra import haar_rows
from featurekit.features.cuda import twin
from featurekit.features.cuda._ragged import Ragged
from featurekit.features.cuda.spectrum import power_to_db
from featurekit.features.kernels.banks import mel_bank
from featurekit.features.mel import dct_rows


@twin()
def mel(
    power: Ragged,
    sample_rate: int,
    *,
    n_mels: int,
    fmin: float,
    fmax: float | None,
    htk: bool,
    mel_norm: str | None,
) -> Ragged:
    """[shape=(frames, n_mels), float32]."""
    n_fft = 2 * (power.values.shape[1] - 1)
    bank = _bank(sample_rate, n_fft, n_mels, fmin, fmax, htk, mel_norm is not None, power.values.device)
    return power.like(power.values @ bank)


@functools.lru_cache(maxsize=32)
def _bank(
    sample_rate: int,
    n_fft: int,
    n_mels: int,
    fmin: float,
    fmax: float | None,
    htk: bool,
    equal_area: bool,
    device: torch.device,
) -> torch.Tensor:
    """[shape=(bins, n_mels)]."""
    return torch.from_numpy(mel_bank(sample_rate, n_fft, n_mels, fmin, fmax, htk, equal_area)).to(device).T.contiguous()


@twin()
def log_mel(mel: Ragged, *, top_db: float | None) -> Ragged:
    """[shape=(frames, n_mels), float32]."""
    return mel.like(power_to_db(mel.values, mel.rows, top_db=top_db))


@twin()
def mfcc(log_mel: Ragged, *, n_mfcc: int) -> Ragged:
    """[shape=(frames, n_mfcc), float32]."""
    return _projected(log_mel, dct_rows(n_mfcc, log_mel.values.shape[1]))


@twin()
def mfdwc(log_mel: Ragged, *, n_mfdwc: int) -> Ragged:
    """[shape=(frames, n_mfdwc), float32]."""
    return _projected(log_mel, haar_rows(n_mfdwc, log_mel.values.shape[1]))


def _projected(log_mel: Ragged, rows: np.ndarray) -> Ragged:
    return log_mel.like((log_mel.doubled @ log_mel.constant(rows).double().T).float())
