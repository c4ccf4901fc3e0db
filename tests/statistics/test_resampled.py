import numpy as np
import pytest
from scipy import stats

from featurekit.errors import ParameterError
from featurekit.statistics import LeftOut, corrected_resampled_t, over_speakers_and_seeds


def test_without_a_test_part_it_is_students_test():
    differences = np.random.default_rng(0).normal(0.5, 1, 10)
    found = corrected_resampled_t(differences, 0)
    expected = stats.ttest_1samp(differences, 0)
    assert found.p == pytest.approx(expected.pvalue)
    assert found.interval.borders == pytest.approx(tuple(expected.confidence_interval()))


def test_the_correction_widens_as_nadeau_and_bengio_say():
    differences = np.array([[1.0, 2.0, 3.0], [2.0, 3.0, 4.0]])
    plain, corrected = corrected_resampled_t(differences, 0), corrected_resampled_t(differences, 0.5)
    assert (corrected.standard_error / plain.standard_error) ** 2 == pytest.approx((1 / 6 + 0.5) / (1 / 6))
    assert (corrected.value, corrected.freedom) == (2.5, 5)


def test_differences_that_are_all_alike():
    assert corrected_resampled_t([0.0, 0.0], 0.25).p == 1
    assert corrected_resampled_t([0.1, 0.1], 0.25).p == 0


def test_overlapping_training_sets_do_not_make_differences_out_of_nothing():
    """Two recipes that are alike; folds of 5 share most of their training data, whose luck they share."""
    rng = np.random.default_rng(5)
    draws, called, plain = 2000, 0, 0
    for _ in range(draws):
        # The correlation of two folds' differences is n_test / (n_test + n_train), as the correction assumes.
        shared, own = rng.normal(0, np.sqrt(0.2)), rng.normal(0, np.sqrt(0.8), 5)
        called += corrected_resampled_t(shared + own, 0.25).p <= 0.05
        plain += stats.ttest_1samp(shared + own, 0).pvalue <= 0.05
    assert called <= stats.binom.ppf(0.999, draws, 0.05)
    assert plain > stats.binom.ppf(0.999, draws, 0.05)


def seeded(rng, n_speakers, n_seeds, by_speaker=1.0, by_seed=0.6, noise=1.0):
    """Differences (seeds, speakers) around 0: of speakers, of seeds, and of both."""
    return (
        rng.normal(0, by_speaker, n_speakers)
        + rng.normal(0, by_seed, (n_seeds, 1))
        + rng.normal(0, noise, (n_seeds, n_speakers))
    )


def of_means(table):
    """The mean difference over speakers, and without each."""
    means = table.mean(axis=0)
    n = len(means)
    without = (means.sum() - means) / (n - 1)
    return LeftOut(np.array([means.mean()]), without[:, None], tuple(map(str, range(n))), n)


@pytest.mark.parametrize(("n_speakers", "n_seeds"), [(8, 5), (24, 5), (12, 10)])
def test_an_interval_over_speakers_and_seeds_holds_the_truth_of_the_recipe(n_speakers, n_seeds):
    rng = np.random.default_rng(8)
    draws, held, without_seeds = 2000, 0, 0
    for _ in range(draws):
        table = seeded(rng, n_speakers, n_seeds)
        found = over_speakers_and_seeds(of_means(table), table.mean(axis=1))
        held += found.interval.borders[0] <= 0 <= found.interval.borders[1]
        error = of_means(table).standard_errors[0]
        without_seeds += abs(table.mean()) <= stats.t.ppf(0.975, n_speakers - 1) * error
    assert held >= stats.binom.ppf(0.001, draws, 0.95)
    assert without_seeds < held


def test_freedom_is_satterthwaites():
    table = seeded(np.random.default_rng(3), 6, 4)
    found = over_speakers_and_seeds(of_means(table), table.mean(axis=1))
    one, other = of_means(table).standard_errors[0] ** 2, table.mean(axis=1).var(ddof=1) / 4
    assert found.standard_error == pytest.approx(np.sqrt(one + other))
    assert found.freedom == pytest.approx((one + other) ** 2 / (one**2 / 5 + other**2 / 3))


def test_what_does_not_fit_is_refused():
    for differences, share in (([1.0], 0.25), ([1.0, np.nan], 0.25), ([1.0, 2.0], -1), ([1.0, 2.0], np.inf)):
        with pytest.raises(ParameterError):
            corrected_resampled_t(differences, share)
    with pytest.raises(ParameterError, match="two or more"):
        over_speakers_and_seeds(of_means(np.ones((2, 6))), [1.0])
