"""Pictures of what a network learnt to look for."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from featurekit.display.canvas import new_figure, save


def write_kernels(kernels: np.ndarray, path: Path, *, title: str, columns: int = 10) -> Path:
    """Write a picture of convolution kernels, each on its own scale around white: time to the right, dims upwards.

    Parameters
    ----------
    kernels : array (n, frames, dims)
        As a model's ``kernels()`` gives them for one width.
    path : Path
        The PNG.
    title : str
        On one line.
    columns : int
        Kernels beside each other.

    Raises
    ------
    MissingDependencyError
        Without matplotlib.
    """
    rows = -(-len(kernels) // columns)
    figure = new_figure(1.3 * rows + 0.5, title)
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in grid:
        axes.set_axis_off()
    for axes, kernel in zip(grid, kernels, strict=False):
        edge = max(float(np.abs(kernel).max()), 1e-12)
        axes.imshow(kernel.T, origin="lower", aspect="auto", cmap="RdBu_r", vmin=-edge, vmax=edge, interpolation="nearest")
    return save(figure, path)
