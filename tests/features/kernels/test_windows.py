"""Windows against scipy's, to the last bit, and in closed form."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import get_window

from featurekit.features.kernels.windows import gaussian, periodic_hann


@pytest.mark.parametrize("length", [1, 2, 3, 320, 400, 551, 1023, 2048, 4096])
def test_the_hann_window_is_scipys_to_the_last_bit(length):
    np.testing.assert_array_equal(periodic_hann(length), get_window("hann", length, fftbins=True))


def test_shifted_hann_windows_add_up_to_one():
    window = periodic_hann(1024)
    np.testing.assert_allclose(window[:512] + window[512:], 1.0, atol=1e-15)


def test_the_gaussian_is_symmetric_and_ends_at_zero():
    window = gaussian(137)
    np.testing.assert_array_equal(window, window[::-1])
    assert 0 <= window[0] < 2e-6
    assert window.max() <= 1
