"""Twin of :mod:`featurekit.features.functionals`."""

from __future__ import annotations

import torch

from featurekit.features.cuda import twin
from featurekit.features.cuda._ragged import Ragged
from featurekit.features.functionals import chosen


@twin()
def functionals(of: Ragged, *, stats: str) -> torch.Tensor:
    """[shape=(utterances, dims * statistics), float64]."""
    values, names = of.values.double(), chosen(stats)
    ordered = _ordered(values, of)
    found = _moments(values, ordered, of)
    found |= {name: _percentile(ordered, of, int(name[1:])) for name in names if name not in found}
    return torch.stack([found[name] for name in names], 2).flatten(1)


def _ordered(values: torch.Tensor, of: Ragged) -> torch.Tensor:
    """Each utterance's values of each dim in ascending order [shape=(frames, dims)]."""
    order = values.argsort(dim=0, stable=True)
    by_utterance = of.rows.owner[order].argsort(dim=0, stable=True)
    return values.gather(0, order.gather(0, by_utterance))


def _percentile(ordered: torch.Tensor, of: Ragged, percent: int) -> torch.Tensor:
    """Linear between neighbours [shape=(utterances, dims)]."""
    place = percent / 100 * (of.rows.count - 1).double()
    low = place.long()
    high = (low + 1).minimum(of.rows.count - 1)
    below, above = ordered[of.rows.start + low], ordered[of.rows.start + high]
    return below + (place - low)[:, None] * (above - below)


def _moments(values: torch.Tensor, ordered: torch.Tensor, of: Ragged) -> dict[str, torch.Tensor]:
    """Statistics of the CPU's ``moments`` [each of shape=(utterances, dims)]."""
    rows, count = of.rows, of.rows.count.double()[:, None]
    low, high = ordered[rows.start], ordered[rows.start + rows.count - 1]
    # Rounding must not move a constant's mean off its value.
    mean = torch.minimum(torch.maximum(rows.sums(values) / count, low), high)
    offset = values - mean[rows.owner]
    second, third, fourth = (rows.sums(offset**power) / count for power in (2, 3, 4))
    from_middle = rows.place[:, None] - (count[rows.owner] - 1) / 2
    spread = count * (count.square() - 1) / 12
    varies = second.square() > 0
    square = torch.where(varies, second, 1.0)
    return {
        "mean": mean,
        "std": second.sqrt(),
        "min": low,
        "max": high,
        "range": high - low,
        "skewness": torch.where(varies, third / square**1.5, 0.0),
        "kurtosis": torch.where(varies, fourth / square.square() - 3.0, 0.0),
        "slope": torch.where(count > 1, rows.sums(from_middle * offset) / torch.where(count > 1, spread, 1.0), 0.0),
    }
