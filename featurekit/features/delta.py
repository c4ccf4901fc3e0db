"""Differences along time, of any frame feature."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

from featurekit.errors import ParameterError
from featurekit.features.graph import Settings, feature


def _check_width(settings: Settings) -> None:
    if settings["width"] % 2 == 0 or settings["width"] <= settings["order"]:
        raise ParameterError(f"delta: width is {settings['width']}; expected an odd number above order {settings['order']}")


def _names(settings: Settings, columns: Any) -> tuple[str, ...]:
    suffix = "delta" if settings["order"] == 1 else f"delta{settings['order']}"
    return tuple(f"{name}_{suffix}" for column in columns for name in column.dim_names)


def _unit(settings: Settings, columns: Any) -> str:
    units = {column.unit for column in columns}
    per = "frame" if settings["order"] == 1 else f"frame^{settings['order']}"
    return f"{units.pop() or '1'}/{per}" if len(units) == 1 else "mixed"


@feature(
    unit=_unit,
    dim_names=_names,
    of="mfcc",
    counted_by="order",
    limits={"order": (1, 8), "width": (3, 999)},
    check=_check_width,
)
def delta(of: np.ndarray, *, order: int = 1, width: int = 9) -> np.ndarray:
    """Derivative by time of any frame feature, in units a frame: ``delta(of=mfcc20)``, ``delta(of=mfcc, order=2)``.

    The ``order``-th derivative of the polynomial of degree ``order`` that fits the ``width`` frames around best: for
    order 1 ``sum_k k x[t + k] / sum_k k^2``. librosa.feature.delta. The first and last ``width // 2`` frames take the
    value beside them; a clip of fewer than ``width`` frames is prolonged by its first and last values instead.

    Parameters
    ----------
    of : np.ndarray [shape=(dims, frames)]
        What ``of`` names, default ``mfcc``; a list, ``of=[rms, mfcc]``, is taken together.
    order : int
        Of the derivative.
    width : int
        Frames of a fit: odd, more than ``order``.

    Returns
    -------
    np.ndarray [shape=(dims, frames)]

    References
    ----------
    Furui (1986), Speaker-independent isolated word recognition based on emphasized spectral dynamics, ICASSP.
    """
    n_frames = of.shape[1]
    slopes = fitting_slopes(order, width)
    if n_frames < width:
        held = np.pad(of, ((0, 0), (width // 2, width // 2)), mode="edge")
        return np.lib.stride_tricks.sliding_window_view(held, width, axis=1) @ slopes
    inner = np.lib.stride_tricks.sliding_window_view(np.asarray(of, np.float64), width, axis=1) @ slopes
    return np.pad(inner, ((0, 0), (width // 2, width // 2)), mode="edge")


@functools.lru_cache(maxsize=32)
def fitting_slopes(order: int, width: int) -> np.ndarray:
    """Weights of ``width`` values in the leading coefficient of their best polynomial, times ``order!``.

    The degree is the order, so that the derivative is the same at every point of the fit: no edge needs its own.
    """
    offsets = np.arange(width) - width // 2
    return math.factorial(order) * np.linalg.pinv(np.vander(offsets, order + 1))[0]
