"""Kernels learnt without labels: whitened principal components, then a sparse auto-encoder on patches (He, Ren, He 2019).

The encoder is h = f(W x + b) and the decoder has the same form with its own W and b, f the logistic sigmoid (equation
1); what is made small is the reconstruction error plus mu times the sum over hidden units of KL(rho || mean activation)
(equations 2 and 3). The rows of W, reshaped, are the convolution's kernels.

A sigmoid decoder can only give what lies in (0, 1). So components are divided by their standard deviation, cut at three of
them and brought to [0.1, 0.9], the custom of sparse auto-encoders (Ng 2011, CS294A lecture notes), as are the initial
weights. rho, mu, the optimizer (Adam on batches of 500 patches) and the number of passes are ours.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

_CUT_DEVIATIONS, _HALF_RANGE = 3.0, 0.4
_BATCH, _LR = 500, 5e-3
# A component that hardly varies is not blown up to the size of the others.
_LEAST_DEVIATION = 1e-3


class Whitening(nn.Module):
    """Projection on the first principal components, each in [-0.4, 0.4]: one standard deviation is 0.4 / 3.

    Parameters
    ----------
    dims : int
        D of the frames.
    channels : int
        Components kept; at most D.

    Attributes
    ----------
    mean, components, deviation : tensors (D,), (D, channels), (channels,)
        State that :meth:`fit` sets; the first axes as they are before.
    """

    mean: Tensor
    components: Tensor
    deviation: Tensor

    def __init__(self, dims: int, channels: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(dims))
        self.register_buffer("components", torch.eye(dims, channels))
        self.register_buffer("deviation", torch.ones(channels))

    def fit(self, sequences: Iterable[Tensor]) -> int:
        """Fit on sequences (n, D), one at a time in float64; returns how many there were."""
        count, number = 0, 0
        total = torch.zeros_like(self.mean, dtype=torch.float64)
        products = torch.zeros(len(total), len(total), dtype=torch.float64, device=total.device)
        for sequence in sequences:
            x = sequence.double()
            count, number = count + len(x), number + 1
            total += x.sum(dim=0)
            products += x.T @ x
        mean = total / max(count, 1)
        values, vectors = torch.linalg.eigh((products / max(count, 1) - torch.outer(mean, mean)).cpu())
        kept = self.components.shape[1]
        values, vectors = values.flip(0)[:kept].clamp(min=0.0), vectors.flip(1)[:, :kept]
        signs = vectors.gather(0, vectors.abs().argmax(dim=0, keepdim=True)).sign()  # an eigenvector's sign is arbitrary
        deviation = values.sqrt()
        self.mean.copy_(mean)
        self.components.copy_(vectors * signs)
        self.deviation.copy_(deviation.clamp(min=max(1e-12, _LEAST_DEVIATION * float(deviation[0]))))
        return number

    def forward(self, frames: Tensor) -> Tensor:
        """(..., D) → (..., channels)."""
        z = (frames - self.mean) @ self.components / self.deviation
        return (z / _CUT_DEVIATIONS).clamp(-1.0, 1.0) * _HALF_RANGE


def sparsity(mean_activation: Tensor, rho: float) -> Tensor:
    """Sum over hidden units of KL(rho || mean activation), equation 3 without mu."""
    hat = mean_activation.clamp(1e-6, 1 - 1e-6)
    return (rho * torch.log(rho / hat) + (1 - rho) * torch.log((1 - rho) / (1 - hat))).sum()


def learn_kernels(
    patches: Tensor, units: int, *, rho: float, mu: float, epochs: int, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Train a sparse auto-encoder.

    Parameters
    ----------
    patches : tensor (n, d)
        In [-0.4, 0.4], as :class:`Whitening` gives them; the auto-encoder sees them in [0.1, 0.9].
    units : int
        Hidden units.
    rho, mu : float
        Sparsity level and its weight.
    epochs : int
        Passes over the patches.
    generator : torch.Generator
        Of the initial weights and the order; on the CPU.

    Returns
    -------
    weight : tensor (units, d)
    bias : tensor (units,)
        For patches in [-0.4, 0.4], so that a convolution may pad with 0, which is the mean.
    """
    dims, device = patches.shape[1], patches.device
    edge = math.sqrt(6.0 / (dims + units + 1))
    shapes = ((units, dims), (units,), (dims, units), (dims,))
    W, b, V, c = ((torch.rand(shape, generator=generator) * 2 - 1) * edge * (len(shape) > 1) for shape in shapes)
    parameters = [value.to(device).requires_grad_() for value in (W, b, V, c)]
    W, b, V, c = parameters
    optimizer = torch.optim.Adam(parameters, _LR)
    with torch.enable_grad():
        for _ in range(epochs):
            for rows in torch.split(torch.randperm(len(patches), generator=generator).to(device), _BATCH):
                x = patches[rows] + 0.5
                hidden = F.linear(x, W, b).sigmoid()
                error = (F.linear(hidden, V, c).sigmoid() - x).square().sum(dim=1).mean()
                loss = error + mu * sparsity(hidden.mean(dim=0), rho)
                optimizer.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                optimizer.step()
    return W.detach(), (b + 0.5 * W.sum(dim=1)).detach()
