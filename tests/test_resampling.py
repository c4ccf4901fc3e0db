import numpy as np
import pytest

from featurekit.errors import ParameterError
from featurekit.resampling import Resampler, resample


def tone(rate, seconds=0.5, hz=440.0):
    return np.sin(2 * np.pi * hz * np.arange(int(rate * seconds)) / rate).astype(np.float32)


def test_a_tone_keeps_its_frequency_and_its_height():
    low = resample(tone(48_000), 48_000, 16_000)
    assert (low.dtype, len(low)) == (np.float32, 8000)
    assert np.abs(low[500:-500] - tone(16_000)[500:-500]).max() < 1e-4


def test_the_same_rate_changes_nothing_and_only_the_ratio_counts():
    samples = tone(16_000)
    assert resample(samples, 16_000, 16_000) is samples
    np.testing.assert_array_equal(resample(samples, 16_000, 8_000), resample(samples, 2, 1))
    assert resample(samples.astype(np.float64), 2, 1).dtype == np.float64


@pytest.mark.parametrize("size", [777, 20_001, 70_000])
def test_in_blocks_the_samples_are_those_of_the_whole(size):
    samples = tone(44_100, seconds=3)
    blocks = Resampler(44_100, 16_000)
    for start in range(0, len(samples), size):
        blocks.add(samples[start : start + size])
    np.testing.assert_array_equal(blocks.finish(), resample(samples, 44_100, 16_000))


def test_a_rate_of_nothing_is_refused():
    for rates in ((0, 16_000), (16_000, -1)):
        with pytest.raises(ParameterError, match="positive"):
            resample(tone(16_000), *rates)
