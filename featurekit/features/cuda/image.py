"""Twin of :mod:`featurekit.features.image`."""

from __future__ import annotations

import functools
from typing import NamedTuple

import numpy as np
import torch

from featurekit.features.cuda import twin
from featurekit.features.cuda._ragged import Ragged, Rows
from featurekit.features.cuda.spectrum import power_to_db
from featurekit.features.kernels.resize import resize_rows


class Images(NamedTuple):
    """One gray image an utterance, and the levels of black and white in dB."""

    pixels: torch.Tensor  # (utterances, height, width) uint8
    db_range: torch.Tensor  # (utterances, 2)


@twin()
def spectrogram(power: Ragged, *, height: int, width: int, top_db: float) -> Images:
    """Resampled along frequency by a matrix, along time by sums between borders."""
    level_db = power_to_db(power.values, power.rows, top_db=top_db)
    high = power.rows.maximum(level_db).clamp_min(-100.0)
    low = (high - top_db).clamp_min(-100.0)
    resized = _resized(level_db @ _along_frequency(level_db.shape[1], height, level_db.device), power.rows, width)
    gain = torch.where(high > low, 255.0 / (high - low), 0.0)[:, None, None]
    pixels = (resized * gain + (0.5 - low[:, None, None] * gain)).clamp(0, 255).to(torch.uint8)
    return Images(pixels.transpose(1, 2).flip(1).contiguous(), torch.stack([low, high], 1))


@functools.lru_cache(maxsize=8)
def _along_frequency(n_bins: int, height: int, device: torch.device) -> torch.Tensor:
    """[shape=(bins, height)]."""
    return torch.from_numpy(resize_rows(np.eye(n_bins, dtype=np.float32), height)).to(device).T.contiguous()


def _resized(values: torch.Tensor, rows: Rows, width: int) -> torch.Tensor:
    """Each utterance's rows resampled to ``width``, as the CPU's ``resize_rows`` [shape=(utterances, width, dims)]."""
    count, start = rows.count[:, None].double(), rows.start[:, None]
    step = count / width
    target = torch.arange(width + 1, device=values.device)
    # Fewer rows than before: means over area, from the running integral at their borders.
    border = (target * step).minimum(count)
    whole = border.long().minimum(rows.count[:, None] - 1)
    # Summed along what lies side by side: down a column a GPU would go with one thread.
    integral = torch.nn.functional.pad(values.T.cumsum(1, dtype=torch.float64), (1, 0)).T.contiguous()
    at_border = integral[start + whole] + (border - whole)[..., None] * values[start + whole]
    means = (at_border.diff(dim=1) / step[..., None]).float()
    # More rows than before: straight lines between them.
    centre = ((target[:-1] + 0.5) * step - 0.5).clamp_min(0.0).minimum(count - 1)
    before = centre.long().minimum((rows.count[:, None] - 2).clamp_min(0))
    after = (before + 1).minimum(rows.count[:, None] - 1)
    share = (centre - before)[..., None].float()
    lines = (1 - share) * values[start + before] + share * values[start + after]
    return torch.where((rows.count < width)[:, None, None], lines, means)
