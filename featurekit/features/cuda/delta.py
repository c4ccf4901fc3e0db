"""Twins of :mod:`featurekit.features.delta`, and of what lays features that are read together side by side."""

from __future__ import annotations

import torch

from featurekit.features.cuda import twin
from featurekit.features.cuda._ragged import Ragged
from featurekit.features.delta import fitting_slopes


@twin()
def stack(*features: Ragged) -> Ragged:
    """[shape=(frames, sum of dims)]."""
    return features[0].like(torch.cat([feature.values.double() for feature in features], 1))


@twin()
def delta(of: Ragged, *, order: int, width: int) -> Ragged:
    """[shape=(frames, dims)]; no fit reaches into a neighbour."""
    half, rows, values = width // 2, of.rows, of.values.double()
    last = rows.count[rows.owner] - 1
    inner = torch.minimum(rows.place.clamp_min(half), last - half)
    centre = torch.where(last + 1 < width, rows.place, inner)
    fitted = torch.zeros_like(values)
    for offset, slope in enumerate(fitting_slopes(order, width).tolist(), -half):
        place = torch.minimum((centre + offset).clamp_min(0), last)
        fitted += slope * values[rows.start[rows.owner] + place]
    return of.like(fitted)
