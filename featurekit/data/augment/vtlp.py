"""Vocal tract length perturbation: frequencies are warped, as if somebody else said it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from featurekit.calls import parse_call
from featurekit.data.augment.sampling import drawn, read_between
from featurekit.errors import ParameterError, UnknownNameError

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from featurekit.data.collate import Batch


MEL_BANDS = ("mel", "log_mel", "fbank")


@dataclass(frozen=True)
class VTLP:
    """Multiply the frequencies of each utterance by a random factor within 1 ± ``spread``; images stay.

    Parameters
    ----------
    spread : float
        0.1 is a tenth up or down.
    top_hz : float
        Upper edge of the highest band: half the sample rate, or ``fmax``.
    column : str, optional
        The column whose dimensions are bands, evenly spaced on the mel scale from 0 Hz; by default every column is such.

    Notes
    -----
    After Jaitly and Hinton 2013, but without the bend that keeps the highest frequency in its place: a band that would be
    read above the highest takes the value of the highest.

    Raises
    ------
    ParameterError
        When ``spread`` is not in [0, 1) or ``top_hz`` not above 0.
    """

    spread: float = 0.1
    top_hz: float = 8000.0
    column: str | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.spread < 1 or not 0 < self.top_hz < math.inf:
            raise ParameterError(f"vtlp needs spread in [0, 1) and top_hz > 0, got {self}")

    def check(self, specs: Mapping[str, str]) -> None:
        """Refuse columns of frames (name → the request that computes it) that are no mel bands.

        Raises
        ------
        UnknownNameError
            When ``column`` is none of them.
        ParameterError
            When what would be warped is anything else.
        """
        if self.column is not None and self.column not in specs:
            raise UnknownNameError("column", self.column, specs)
        warped = specs if self.column is None else {self.column: specs[self.column]}
        other = [f"{name} is {parse_call(spec)[0]}" for name, spec in warped.items() if parse_call(spec)[0] not in MEL_BANDS]
        if other or not warped:
            raise ParameterError(
                f"vtlp warps mel bands ({', '.join(MEL_BANDS)}), and {other[0] if other else 'there are no frames'}; "
                "name the column that has them, vtlp(column='…'), or leave vtlp out"
            )

    def __call__(self, batch: Batch, generator: torch.Generator) -> Batch:
        """Batch → warped batch."""
        import torch

        if batch.frames is None:
            return batch
        factor = 1 + self.spread * (2 * drawn(batch.lengths, generator) - 1)
        frames = batch.frames.clone()
        for band in batch.columns.values() if self.column is None else [batch.columns[self.column]]:
            place = self._places(factor[..., None], band.stop - band.start)
            low = place.floor().to(torch.int64)
            bands = batch.frames[..., band].transpose(2, 3)  # (B, C, D, T): read along D
            frames[..., band] = read_between(bands, low, (low + 1).clamp(max=place.shape[-1] - 1), place - low).transpose(2, 3)
        return replace(batch, frames=frames)

    def _places(self, factor: Tensor, n_bands: int) -> Tensor:
        """(B, C, n_bands): between which bands each one is read, by O'Shaughnessy's mel scale."""
        import torch

        top = math.log1p(self.top_hz / 700)
        centres = torch.arange(1, n_bands + 1, device=factor.device) * (top / (n_bands + 1))
        warped = torch.log1p(torch.expm1(centres) * factor)
        return (warped * ((n_bands + 1) / top) - 1).clamp(min=0, max=n_bands - 1)
