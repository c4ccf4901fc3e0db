"""Mixup: utterances and labels between two of the batch."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from featurekit.errors import ParameterError

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from featurekit.data.collate import Batch


@dataclass(frozen=True)
class Mixup:
    """Mix each utterance with another of the batch, values and labels alike, by a share drawn from Beta(alpha, alpha).

    Parameters
    ----------
    n_classes : int
        K; class numbers (B,) become shares (B, K). Labels that are (B, K) already are mixed as they are.
    alpha : float
        0.2 leaves most utterances nearly alone, 1 draws the share evenly.

    Notes
    -----
    Zhang et al. 2018, one share a batch. Padding is 0, the mean: where one utterance has ended the other fades to it.

    Raises
    ------
    ParameterError
        When ``alpha`` is not above 0, or there are fewer than two classes.
    """

    n_classes: int
    alpha: float = 0.2

    def __post_init__(self) -> None:
        if not self.alpha > 0 or self.n_classes < 2:
            raise ParameterError(f"mixup needs alpha > 0 and two classes or more, got {self}")

    def __call__(self, batch: Batch, generator: torch.Generator) -> Batch:
        """Batch → mixed batch, its labels (B, K).

        Raises
        ------
        ParameterError
            When the batch has words, or whole recordings, which cannot be mixed.
        """
        import torch
        from torch.nn import functional as F

        from featurekit.data.collate import sent

        if batch.text is not None:
            raise ParameterError("mixup cannot mix words; leave it out for a model that reads text")
        if batch.targets is not None:
            raise ParameterError("mixup cannot mix whole recordings; leave it out for a model that reads these")
        # torch has no beta distribution that takes a generator
        rng = np.random.default_rng(int(torch.randint(2**62, (1,), generator=generator)))
        share = float(rng.beta(self.alpha, self.alpha))
        other = sent(torch.from_numpy(rng.permutation(len(batch))), batch.lengths.device)
        labels = batch.labels if batch.labels.ndim == 2 else F.one_hot(batch.labels, self.n_classes)
        labels = labels.float()

        def mixed(values: Tensor | None) -> Tensor | None:
            return None if values is None else share * values + (1 - share) * values[other]

        return replace(
            batch,
            frames=mixed(batch.frames),
            images=mixed(batch.images),
            lengths=torch.maximum(batch.lengths, batch.lengths[other]),
            present=batch.present | batch.present[other],
            labels=share * labels + (1 - share) * labels[other],
        )
