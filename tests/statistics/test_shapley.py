import itertools
from math import factorial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from featurekit.errors import ParameterError
from featurekit.statistics import LeftOut, interactions, sampled_shapley_values, shapley_values


def all_of(groups):
    return [frozenset(some) for size in range(1, len(groups) + 1) for some in itertools.combinations(groups, size)]


def of(figure, combinations, n_speakers=6, seed=0):
    """Figures of combinations, and without each speaker: the figure plus noise."""
    values = np.array([figure(combination) for combination in combinations])
    without = values + np.random.default_rng(seed).normal(0, 0.01, (n_speakers, len(values)))
    return LeftOut(values, without, tuple(map(str, range(n_speakers))), n_speakers)


def by_orders(figure, groups):
    worth = dict.fromkeys(groups, 0.0)
    for order in itertools.permutations(groups):
        for place, name in enumerate(order):
            gain = figure(frozenset(order[: place + 1])) - figure(frozenset(order[:place]))
            worth[name] += gain / factorial(len(groups))
    return worth


@given(st.lists(st.floats(0, 1), min_size=16, max_size=16))
def test_values_are_the_mean_over_all_orders_and_sum_to_the_whole(figures):
    groups = ["a", "b", "c", "d"]
    table = dict(zip([frozenset(), *all_of(groups)], figures, strict=True))
    found = shapley_values(of(table.get, all_of(groups)), all_of(groups), table[frozenset()])
    assert dict(zip(found.names, found.values, strict=True)) == pytest.approx(by_orders(table.get, groups))
    assert found.values.sum() == pytest.approx(table[frozenset(groups)] - table[frozenset()])


@given(st.floats(0, 1), st.floats(0, 1))
def test_groups_that_do_the_same_are_worth_the_same_and_one_that_does_nothing_is_worth_nothing(gain, both):
    def figure(combination):
        twins = len(combination & {"a", "b"})
        return 0.25 + (gain if twins else 0) + (both if twins == 2 else 0)

    found = shapley_values(of(figure, all_of("abc")), all_of("abc"), 0.25)
    assert found.values[0] == pytest.approx(found.values[1])
    assert found.values[2] == pytest.approx(0)


def test_a_group_that_replaces_another_has_an_interaction_below_0_and_independent_ones_have_none():
    gains = {"f0": 0.1, "energy": 0.05, "mfcc": 0.3}

    def adds(combination):
        return 0.25 + sum(gains[name] for name in combination)

    found = interactions(of(adds, all_of(gains)), all_of(gains), 0.25)
    assert found.names == (("energy", "f0"), ("energy", "mfcc"), ("f0", "mfcc"))
    assert found.values == pytest.approx([0, 0, 0])

    def replaces(combination):
        return adds(combination) - (0.1 if {"f0", "mfcc"} <= combination else 0)

    assert interactions(of(replaces, all_of(gains)), all_of(gains), 0.25).values == pytest.approx([0, 0, -0.1])


def test_intervals_are_those_of_the_same_sum_of_figures_without_each_speaker():
    combinations = all_of("ab")
    figures = of(lambda combination: 0.2 + 0.1 * len(combination), combinations)
    found = shapley_values(figures, combinations, 0.2)
    a, b, both = figures.without.T
    by_hand = 0.5 * (a - 0.2) + 0.5 * (both - b)
    error = np.sqrt(5 / 6 * np.sum((by_hand - by_hand.mean()) ** 2))
    low, high = found.intervals[0].borders
    assert (high - low) / 2 == pytest.approx(2.5706 * error, rel=1e-4)


def test_orders_that_are_drawn_come_near_all_orders():
    gains = dict(zip("abcde", (0.1, 0.0, 0.05, 0.2, 0.02), strict=True))

    def figure(combination):
        return sum(gains[name] for name in combination) * (0.5 if len(combination) > 3 else 1)

    exact, found = by_orders(figure, list(gains)), sampled_shapley_values(figure, list(gains), n_orders=2000)
    for name, (value, error) in found.items():
        assert value == pytest.approx(exact[name], abs=4 * error + 1e-12)
    assert sum(value for value, _ in found.values()) == pytest.approx(figure(frozenset(gains)))


def test_a_part_of_the_combinations_has_no_shapley_value():
    with pytest.raises(ParameterError, match="all 7 combinations of 3 groups; 6 are there"):
        shapley_values(of(len, all_of("abc")[:-1]), all_of("abc")[:-1], 0)
    with pytest.raises(ParameterError, match="there twice"):
        shapley_values(of(len, all_of("ab") * 2), all_of("ab") * 2, 0)
    with pytest.raises(ParameterError, match="more than 12"):
        shapley_values(of(len, [frozenset(map(str, range(13)))]), [frozenset(map(str, range(13)))], 0)
    with pytest.raises(ParameterError, match="2 figures for 3 combinations"):
        shapley_values(of(len, all_of("ab")[:2]), all_of("ab"), 0)
    with pytest.raises(ParameterError, match="twice"):
        sampled_shapley_values(len, ["a", "a"])
