"""Images: one gray spectrogram an utterance, of fixed size whatever its length."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from featurekit.features.graph import Settings, feature
from featurekit.features.spectrum import power_to_db


class ImageArray(NamedTuple):
    """A gray image with the scale that turns pixels back into dB.

    ``level_db = db_range[0] + pixels / 255 * (db_range[1] - db_range[0])``.
    """

    pixels: np.ndarray  # (height, width) uint8
    db_range: tuple[float, float]


def _shape(settings: Settings) -> tuple[int, int]:
    return int(settings["height"]), int(settings["width"])


@feature(
    unit="dB",
    kind="image",
    dims=lambda settings: int(settings["height"] * settings["width"]),
    image_shape=_shape,
    limits={"height": (1, 8192), "width": (1, 8192), "top_db": (1e-3, 1000)},
)
def spectrogram(power: np.ndarray, *, height: int = 512, width: int = 512, top_db: float = 80.0) -> ImageArray:
    """Log-power spectrogram as a gray image, low frequencies at the bottom: row 0 is the highest.

    White (255) is the utterance's own maximum, black (0) ``top_db`` below it or -100 dB, whichever is higher; a
    silent utterance is black. Axes that shrink are averaged over area, axes that grow are interpolated linearly.

    Parameters
    ----------
    power : np.ndarray [shape=(bins, frames), >= 0]
    height, width : int
        Of the image, in pixels.
    top_db : float
        Dynamic range in dB.

    Returns
    -------
    ImageArray
        pixels (height, width) uint8, and the levels of black and white in dB.
    """
    from featurekit.features.kernels.resize import quantise, resize_rows

    level_db = power_to_db(power, top_db=top_db)
    high = max(float(level_db.max()), -100.0)
    low = max(high - top_db, -100.0)
    resized = resize_rows(resize_rows(level_db, height).T, width)  # (width, height), lowest frequency first
    pixels = quantise(resized, low, 255.0 / (high - low) if high > low else 0.0)
    return ImageArray(np.ascontiguousarray(pixels.T[::-1]), (low, high))
