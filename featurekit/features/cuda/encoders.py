"""Twins of :mod:`featurekit.features.encoders`: windows of many utterances in one call of the network."""

from __future__ import annotations

import numpy as np
import torch

from featurekit.features.cuda import twin
from featurekit.features.cuda._ragged import Ragged, Rows
from featurekit.features.encoders import LARGEST_FLOAT16, encode_many

WINDOWS_PER_CALL = 16


@twin()
def encoder_states(signal: Ragged, *, model: str | None) -> Ragged:
    """[shape=(frames, 1 + layers, dims)]."""
    device = signal.values.device
    signals = np.split(signal.values.cpu().numpy(), np.cumsum(signal.rows.counts)[:-1])
    states = [values.T for values in encode_many(signals, model, device=str(device), windows_per_call=WINDOWS_PER_CALL)]
    rows = Rows((len(values) for values in states), device)
    return Ragged(torch.from_numpy(np.concatenate(states).transpose(0, 2, 1)).to(device), rows)


@twin()
def asr_encoder(encoder_states: Ragged, *, layer: int | str, dtype: str) -> Ragged:
    """[shape=(frames, dims)]."""
    states = encoder_states.values
    chosen = states.mean(1) if isinstance(layer, str) else states[:, layer]
    if dtype == "f2":
        chosen = chosen.clamp(-LARGEST_FLOAT16, LARGEST_FLOAT16).half().float()
    return encoder_states.like(chosen)
