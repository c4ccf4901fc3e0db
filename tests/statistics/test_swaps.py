"""The swap test: closed forms, scipy's permutation test, and what it finds where nothing is there.

Bounds of simulations are binomial, not what came out.
"""

import itertools

import numpy as np
import pytest
from scipy import stats

from featurekit import metrics
from featurekit.errors import ParameterError
from featurekit.statistics import against, all_pairs, get_figure, holm, intervals, swap_test, tally
from featurekit.statistics.scales import DIFFERENCE


def drawn(seed=0, n_speakers=7, n_classes=3, n=140, n_systems=2, skill=0.5):
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, n_classes, n)
    skills = np.broadcast_to(skill, n_systems)[:, None]
    predicted = np.where(rng.random((n_systems, n)) < skills, truth, rng.integers(0, n_classes, (n_systems, n)))
    return np.arange(n) % n_speakers, truth, predicted


@pytest.mark.parametrize(
    ("name", "figure"),
    [("ua", metrics.unweighted_accuracy), ("macro_f1", metrics.macro_f1), ("wa", metrics.accuracy)],
)
def test_with_few_speakers_p_is_that_of_all_swaps_made_by_hand(name, figure):
    speakers, truth, (one, other) = drawn(skill=(0.6, 0.45))
    seen = figure(truth, one) - figure(truth, other)
    swapped = []
    for flips in itertools.product((False, True), repeat=7):
        is_swapped = np.array(flips)[speakers]
        swapped.append(figure(truth, np.where(is_swapped, other, one)) - figure(truth, np.where(is_swapped, one, other)))
    expected = np.mean(np.abs(swapped) >= abs(seen) - 1e-12)
    found = swap_test(tally(get_figure(name), speakers, truth, [one, other], n_classes=3), [(0, 1)])
    assert found.values[0] == pytest.approx(seen)
    assert found.p[0] == pytest.approx(expected)
    assert (found.n_swaps, found.is_exact) == (128, True)
    assert found.p_family[0] == found.p[0]


def test_p_is_scipys_where_every_speaker_says_one_number():
    rng = np.random.default_rng(4)
    one, other = rng.normal(0.3, 1, (2, 9))
    truth = np.zeros(9)
    tallies = tally(get_figure("mae"), np.arange(9), truth, [one, other])
    expected = stats.permutation_test(
        (np.abs(one), np.abs(other)),
        lambda a, b, axis: np.mean(a - b, axis=axis),
        permutation_type="samples",
        n_resamples=np.inf,
        vectorized=True,
    )
    assert swap_test(tallies, [(0, 1)]).p[0] == pytest.approx(expected.pvalue)


def test_random_swaps_come_near_all_swaps_and_repeat_themselves(monkeypatch):
    speakers, truth, predicted = drawn(n_speakers=12, n=240, skill=(0.55, 0.45))
    tallies = tally(get_figure("ua"), speakers, truth, predicted, n_classes=3)
    exact = swap_test(tallies, [(0, 1)])
    monkeypatch.setattr("featurekit.statistics.swaps.MOST_EXACT", 3)
    some = swap_test(tallies, [(0, 1)], n_swaps=20_000)
    assert not some.is_exact
    assert some.p[0] == pytest.approx(exact.p[0], abs=4 * np.sqrt(exact.p[0] / 20_000) + 1e-4)
    assert swap_test(tallies, [(0, 1)], n_swaps=20_000).p == some.p
    assert swap_test(tallies, [(0, 1)], n_swaps=500, seed=1).p[0] >= 1 / 501


def test_the_order_of_systems_and_speakers_does_not_matter():
    speakers, truth, predicted = drawn(n_systems=4)
    order = np.random.default_rng(0).permutation(len(truth))
    one = swap_test(tally(get_figure("ua"), speakers, truth, predicted, n_classes=3), all_pairs(4))
    turned = tally(get_figure("ua"), 6 - speakers[order], truth[order], predicted[::-1, order], n_classes=3)
    other = swap_test(turned, [(3 - second, 3 - first) for first, second in all_pairs(4)])
    assert one.p == pytest.approx(other.p)
    assert one.p_family == pytest.approx(other.p_family)
    assert one.values == pytest.approx(-other.values)


def test_the_same_system_again_and_again_needs_no_correction():
    speakers, truth, predicted = drawn(n_speakers=10, skill=(0.4, 0.6))
    many = predicted[[0, 1, 1, 1, 1, 1]]
    found = swap_test(tally(get_figure("ua"), speakers, truth, many, n_classes=3), against(0, 6))
    assert found.p_family == pytest.approx(found.p)
    assert found.level_each == pytest.approx(0.95, abs=0.005)


def test_of_independent_differences_max_t_says_about_what_holm_says():
    rng = np.random.default_rng(6)
    truth = np.zeros(14)
    errors = rng.normal(0, 1, (12, 14))
    tallies = tally(get_figure("mae"), np.arange(14), truth, np.abs(errors) + np.linspace(0, 1.3, 12)[:, None])
    pairs = [(place + 1, place) for place in range(0, 12, 2)]  # no two pairs share a system
    found = swap_test(tallies, pairs)
    by_holm = holm(found.p)
    assert np.all(found.p_family <= by_holm + 0.02)
    assert np.all(found.p_family >= found.p)


def test_equal_systems_and_undefined_figures():
    speakers, truth, predicted = drawn(n_speakers=8)
    found = swap_test(tally(get_figure("ua"), speakers, truth, predicted[[0, 0]], n_classes=3), [(0, 1)])
    assert (found.values[0], found.p[0]) == (0, 1)
    constant = tally(get_figure("pearson"), speakers, truth.astype(float), [truth + 0.5, np.ones(140), truth * 2.0])
    found = swap_test(constant, [(0, 1), (0, 2)])
    assert np.isnan(found.p[0])
    assert np.isnan(found.p_family[0])
    assert np.isfinite(found.p[1])


def test_five_speakers_cannot_show_a_difference():
    speakers, truth, predicted = drawn(n_speakers=5)
    found = swap_test(tally(get_figure("ua"), speakers, truth, predicted, n_classes=3), [(0, 1)])
    assert found.note == "5 speakers cannot show a difference at 5 %: the smallest p of all swaps is 0.0625"
    assert np.isnan(found.p).all()
    assert np.isfinite(found.values).all()


def test_what_does_not_fit_is_refused():
    speakers, truth, predicted = drawn()
    tallies = tally(get_figure("ua"), speakers, truth, predicted, n_classes=3)
    with pytest.raises(ParameterError, match="n_swaps"):
        swap_test(tallies, [(0, 1)], n_swaps=0)
    with pytest.raises(ParameterError, match="system 7"):
        swap_test(tallies, [(0, 7)])
    with pytest.raises(ParameterError, match="one reference"):
        swap_test(tallies, [(0, 1)] * 20_001)


def null_table(rng, n_speakers, n_systems=12, size=20):
    """Hits of a reference and of systems whose differences from it are exactly as likely as the reverse, all at once."""
    base = np.full(n_speakers, size // 2)
    sign = rng.choice([-1, 1], n_speakers)
    shared = rng.integers(0, 5, n_speakers)
    own = rng.integers(-2, 3, (n_systems, n_speakers))
    hits = np.concatenate([base[None], base + sign * (shared + own)])
    truth = np.zeros(n_speakers * size, dtype=int)
    predicted = (np.arange(size) >= hits[:, :, None]).astype(int).reshape(n_systems + 1, -1)
    return tally(get_figure("wa"), np.repeat(np.arange(n_speakers), size), truth, predicted, n_classes=2)


@pytest.mark.parametrize("n_speakers", [8, 20])
def test_where_nothing_is_there_at_most_5_percent_of_tables_call_anything(n_speakers):
    rng = np.random.default_rng(9)
    draws = 400
    called = alone = 0
    for seed in range(draws):
        found = swap_test(null_table(rng, n_speakers), against(0, 13), n_swaps=500, seed=seed)
        called += found.p_family.min() <= 0.05
        alone += found.p.min() <= 0.05
    assert called <= stats.binom.ppf(0.999, draws, 0.05)
    assert alone > 2 * called  # each by itself is not enough


def effects_table(rng, n_speakers=10, n_systems=6, size=200, spread=0.08):
    """Systems that are truly better by 0, 1, 2 … points, on speakers whom they suit more or less."""
    gains = np.concatenate([[0.0], np.linspace(0, 0.05, n_systems)])
    shares = np.clip(0.5 + gains[:, None] + rng.normal(0, spread / 2, (1, n_speakers)), 0, 1)
    shares = np.clip(shares + rng.normal(0, spread, (n_systems + 1, n_speakers)), 0, 1)
    hits = rng.binomial(size, shares)
    truth = np.zeros(n_speakers * size, dtype=int)
    predicted = (np.arange(size) >= hits[:, :, None]).astype(int).reshape(n_systems + 1, -1)
    return tally(get_figure("wa"), np.repeat(np.arange(n_speakers), size), truth, predicted, n_classes=2), gains[1:]


@pytest.mark.parametrize("n_speakers", [7, 20])
def test_simultaneous_intervals_hold_all_truths_of_a_table_at_once(n_speakers):
    rng = np.random.default_rng(12)
    draws, held, alone = 400, 0, 0
    for seed in range(draws):
        tallies, gains = effects_table(rng, n_speakers)
        pairs = against(0, len(gains) + 1)
        level = swap_test(tallies, pairs, n_swaps=500, seed=seed).level_each
        for width, name in ((level, "together"), (0.95, "alone")):
            found = intervals(tallies.differences(pairs), [DIFFERENCE] * len(gains), level=width)
            inside = all(low <= gain <= high for (low, high), gain in zip((one.borders for one in found), gains, strict=True))
            held, alone = (held + inside, alone) if name == "together" else (held, alone + inside)
    assert held >= stats.binom.ppf(0.001, draws, 0.95)
    assert alone < stats.binom.ppf(0.001, draws, 0.95)
