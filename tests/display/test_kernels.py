from __future__ import annotations

import numpy as np
import pytest

from featurekit import display


@pytest.fixture(autouse=True)
def matplotlib():
    return pytest.importorskip("matplotlib")


def test_kernels_are_drawn_each_on_its_own_scale_with_zero_white(tmp_path):
    from matplotlib.image import imread

    kernels = np.zeros((11, 4, 8))
    kernels[0, 1, 5] = 1e-3
    kernels[1, 2, 2] = -50.0
    path = display.write_kernels(kernels, tmp_path / "kernels.png", title="eleven kernels")
    pixels = imread(path)[..., :3]
    red = (pixels[..., 0] > 0.3) & (pixels[..., 2] < 0.2)
    blue = (pixels[..., 2] > 0.3) & (pixels[..., 0] < 0.1)
    assert red.any()  # the small kernel is as strong as the large one
    assert blue.any()
    where = [np.argwhere(mask)[:, 0].mean() for mask in (red, blue)]
    assert where[0] < where[1]  # dim 5 above dim 2
