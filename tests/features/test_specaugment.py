"""SpecAugment on a log-mel: what changes, by how much at most, and which columns it reaches."""

from __future__ import annotations

import numpy as np
import pytest

from featurekit.errors import ParameterError
from featurekit.features import Plan, parse
from featurekit.features.specaugment import SpecAugment, without_log_mel

RATE = 16000


def log_mel(n_bands=80, n_frames=400, seed=0):
    return np.random.default_rng(seed).standard_normal((n_bands, n_frames)).astype(np.float32)


def noise(n_samples=RATE, seed=0):
    return (0.1 * np.random.default_rng(seed).standard_normal(n_samples)).astype(np.float32)


def test_the_defaults_are_the_policy_librispeech_basic():
    policy = SpecAugment()
    assert (policy.time_warp, policy.frequency_width, policy.time_width) == (80, 27, 100)
    assert (policy.frequency_masks, policy.time_masks) == (1, 1)


def test_one_block_of_bands_and_one_of_frames_become_the_mean_and_nothing_else_changes():
    values = log_mel()
    widths = set()
    for draw in range(1200):
        masked = SpecAugment(time_warp=0, draw=draw)(values)
        changed = masked != values
        bands, frames = changed.all(axis=1), changed.all(axis=0)
        assert np.array_equal(changed, bands[:, None] | frames)
        assert np.allclose(masked[changed], values.mean(), atol=1e-6)
        for places in (bands, frames):
            assert np.abs(np.diff(np.r_[0, places.astype(int), 0])).sum() in (0, 2)  # one block, or none
        widths.add(("bands", int(bands.sum())))
        widths.add(("frames", int(frames.sum())))
    assert {width for kind, width in widths if kind == "bands"} == set(range(28))
    found = {width for kind, width in widths if kind == "frames"}
    assert {0, 100} <= found <= set(range(101))


def test_a_short_utterance_may_be_masked_wholly_and_never_beyond_its_end():
    widths = {int((SpecAugment(0, 0, 0, draw=draw)(log_mel(8, 5)) != log_mel(8, 5)).all(axis=0).sum()) for draw in range(200)}
    assert widths == set(range(6))


@pytest.mark.parametrize(("n_frames", "most"), [(400, 80), (100, 25)])
def test_time_is_stretched_on_one_side_of_a_point_and_squeezed_on_the_other(n_frames, most):
    """A ramp tells where each frame was read."""
    ramp = np.tile(np.arange(n_frames, dtype=np.float32), (3, 1))
    moves = []
    for draw in range(300):
        read = SpecAugment(frequency_masks=0, time_masks=0, draw=draw)(ramp)
        assert np.array_equal(read[0], read[2])
        assert (read[0, 0], read[0, -1]) == (0, n_frames - 1)
        assert (np.diff(read[0]) >= 0).all()
        moves.append(np.abs(read[0] - ramp[0]).max())
    assert 0.8 * most < max(moves) <= most + 1e-3
    assert np.array_equal(SpecAugment(0, 0, 0, 0, 0, draw=1)(ramp), ramp)


@pytest.mark.parametrize("n_frames", [1, 2, 3, 4, 5, 8])
def test_an_utterance_of_a_few_frames_stays_finite_and_as_long(n_frames):
    for draw in range(50):
        masked = SpecAugment(draw=draw)(log_mel(80, n_frames))
        assert masked.shape == (80, n_frames)
        assert np.isfinite(masked).all()


def test_it_is_a_function_of_the_draw_and_the_part():
    one = SpecAugment(draw=5)
    assert np.array_equal(one(log_mel()), SpecAugment(draw=5)(log_mel()))
    assert not np.array_equal(one(log_mel()), SpecAugment(draw=6)(log_mel()))
    assert not np.array_equal(one(log_mel()), one(log_mel(), part=1))


def test_columns_that_hear_the_signal_past_every_log_mel_are_named():
    reached = "fbank,log_mel,mfcc,mfdwc,delta(of=mfcc),functionals(of=[log_mel,mfcc])"
    unreached = "rms,mel,spectral_centroid,a=functionals(of=[log_mel,rms]),spectrogram(height=32,width=32)"
    assert without_log_mel(parse(reached)) == []
    columns = parse(unreached)
    assert without_log_mel(columns) == columns
    with pytest.raises(ParameterError, match="masks fall on a log-mel, and rms reads none"):
        Plan(parse("fbank,rms")).compute({RATE: noise()}, SpecAugment())


def test_what_reads_a_log_mel_reads_the_masked_one():
    plan, mask = Plan(parse("fbank,log_mel(n_mels=40),mfcc(n_mfcc=40,n_mels=40)")), SpecAugment(draw=2)
    plain, masked = plan.compute({RATE: noise()}), plan.compute({RATE: noise()}, mask)
    assert np.array_equal(masked["fbank"], mask(plain["fbank"].T).T)
    (own,) = (name for name in plain if name.startswith("log_mel"))
    assert np.array_equal(masked[own], mask(plain[own].T).T)
    (cepstra,) = (name for name in plain if name.startswith("mfcc"))
    np.testing.assert_allclose(np.linalg.norm(masked[cepstra], axis=1), np.linalg.norm(masked[own], axis=1), rtol=1e-4)
    assert np.array_equal(plan.compute({RATE: noise()})["fbank"], plain["fbank"])


def test_a_negative_width_is_refused():
    with pytest.raises(ParameterError, match="0 or more"):
        SpecAugment(time_width=-1)
