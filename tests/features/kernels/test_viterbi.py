from __future__ import annotations

import itertools

import librosa
import numpy as np
import pytest

from featurekit.features.kernels.viterbi import LOG_TINY, Observations, decode, decode_plain, transition_bands


def observations(n_frames: int, n_bins: int, seed: int = 0) -> Observations:
    """A wandering voice with octave errors, unvoiced stretches, frames without a candidate and frames that are certain."""
    random = np.random.default_rng(seed)
    first, bins, probability = [0], [], []
    for _ in range(n_frames):
        entries = np.sort(random.choice(n_bins, random.integers(0, min(4, n_bins)), replace=False))
        weight = random.random(len(entries)) ** 3
        if len(entries) and random.random() < 0.2:
            weight /= weight.sum()  # leaves nothing for unvoiced
        bins += entries.tolist()
        probability += np.minimum(weight, 0.4 if weight.sum() > 1.01 else 1).tolist()
        first.append(len(bins))
    voiced = np.array([min(1.0, sum(probability[a:b])) for a, b in itertools.pairwise(first)])
    tiny = np.finfo(np.float64).tiny
    log_unvoiced = np.log((1 - voiced) / n_bins + tiny)
    return Observations(np.array(first), np.array(bins, np.int64), np.log(np.array(probability) + tiny), log_unvoiced)


@pytest.mark.parametrize(("n_bins", "width"), [(40, 11), (40, 1), (5, 11), (1, 3), (40, 81)])
@pytest.mark.parametrize("n_frames", [1, 2, 60])
def test_the_banded_walk_is_the_full_one(n_frames: int, n_bins: int, width: int) -> None:
    for seed in range(5):
        seen = observations(n_frames, n_bins, seed)
        bands = transition_bands(n_bins, width, 0.01)
        np.testing.assert_array_equal(decode(seen, *bands), decode_plain(seen, *bands))


def test_a_long_signal_is_walked_in_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    seen, bands = observations(100, 40), transition_bands(40, 11, 0.01)
    whole = decode(seen, *bands)
    for length in (1, 7, 99, 100):
        monkeypatch.setattr("featurekit.features.kernels.viterbi.SEGMENT_FRAMES", length)
        np.testing.assert_array_equal(decode(seen, *bands), whole)


def test_bands_and_walk_are_librosas() -> None:
    n_bins, width, n_frames = 40, 11, 80
    transition = np.kron(
        librosa.sequence.transition_loop(2, 0.99), librosa.sequence.transition_local(n_bins, width, window="triangle")
    )
    stay, switch = transition_bands(n_bins, width, 0.01)
    with np.errstate(divide="ignore"):
        log_transition = np.log(transition + np.finfo(np.float64).tiny)
    for pitch in range(n_bins):
        for move in range(width):
            source = pitch + move - width // 2
            if 0 <= source < n_bins:
                assert stay[move, pitch] == log_transition[source, pitch]
                assert switch[move, pitch] == log_transition[source, n_bins + pitch]
            else:
                assert stay[move, pitch] == switch[move, pitch] == LOG_TINY
    seen = observations(n_frames, n_bins, 3)
    probability = np.zeros((2 * n_bins, n_frames))
    for frame in range(n_frames):
        entries = slice(seen.first[frame], seen.first[frame + 1])
        probability[seen.bins[entries], frame] = np.exp(seen.log_voiced[entries])
        probability[n_bins:, frame] = np.exp(seen.log_unvoiced[frame])
    expected = librosa.sequence.viterbi(probability.clip(0, 1), transition)
    assert (decode(seen, stay, switch) == expected).mean() > 0.95  # exp(log(p)) moves a bit, and ties with it


def test_moves_past_every_bin_are_left_out_and_the_rest_stays_a_distribution() -> None:
    stay, switch = transition_bands(6, 1001, 0.25)
    assert stay.shape == switch.shape == (11, 6)
    bins = np.arange(6)
    for source in bins:
        assert np.exp(stay[source - bins + 5, bins]).sum() == pytest.approx(0.75)
        assert np.exp(switch[source - bins + 5, bins]).sum() == pytest.approx(0.25)
