import numpy as np
import pytest
from scipy import stats

from featurekit import metrics
from featurekit.errors import ParameterError
from featurekit.statistics import CORRELATION, DIFFERENCE, ERROR, SHARE, intervals, leave_one_out, method


def of(figure, scale, speakers, *arrays, **options):
    (found,) = intervals(leave_one_out(figure, speakers, *arrays), [scale], **options)
    return found


def test_a_mean_of_one_value_a_speaker_has_students_interval():
    x = np.random.default_rng(0).normal(3, 2, 9)
    expected = stats.t.interval(0.95, 8, loc=x.mean(), scale=stats.sem(x))
    assert of(np.mean, DIFFERENCE, np.arange(9), x).borders == pytest.approx(expected)
    expected = stats.t.interval(0.9, 8, loc=x.mean(), scale=stats.sem(x))
    assert of(np.mean, DIFFERENCE, np.arange(9), x, level=0.9).borders == pytest.approx(expected)


@pytest.mark.parametrize(
    ("scale", "forth", "slope"),
    [
        (SHARE, lambda p: np.log(p / (1 - p)), lambda p: 1 / p / (1 - p)),
        (CORRELATION, np.arctanh, lambda r: 1 / (1 - r * r)),
        (ERROR, np.log, lambda e: 1 / e),
    ],
)
def test_a_figure_with_borders_has_its_interval_on_its_scale(scale, forth, slope):
    x = np.random.default_rng(1).uniform(0.5, 1, 7)
    low, high = of(np.mean, scale, np.arange(7), x).borders
    half = stats.t.ppf(0.975, 6) * stats.sem(x) * slope(x.mean())
    assert (forth(low), forth(high)) == pytest.approx((forth(x.mean()) - half, forth(x.mean()) + half))
    assert low < x.mean() < high


def test_no_border_of_a_share_leaves_its_range():
    speakers, right = np.repeat(np.arange(6), 10), np.ones(60)
    right[0] = 0
    low, high = of(np.mean, SHARE, speakers, right).borders
    assert 0.5 < low < 59 / 60 < high < 1


def test_speakers_who_err_together_widen_the_interval():
    # Ten speakers, each all right or all wrong: ten independent facts, not two hundred.
    right = np.repeat(np.arange(10) % 2, 20)
    by_speaker = of(np.mean, SHARE, np.repeat(np.arange(10), 20), right).borders
    by_utterance = of(np.mean, SHARE, np.arange(200), right).borders
    assert np.diff(by_speaker)[0] > 3 * np.diff(by_utterance)[0]


def test_all_speakers_right_have_clopper_and_pearsons_interval_of_their_number():
    for share, expected in ((1.0, (0.025 ** (1 / 8), 1.0)), (0.0, (0.0, 1 - 0.025 ** (1 / 8)))):
        found = of(np.mean, SHARE, np.repeat(np.arange(8), 3), np.full(24, share))
        exact = stats.binomtest(int(8 * share), 8).proportion_ci(method="exact")
        assert found.borders == pytest.approx(expected)
        assert found.borders == pytest.approx((exact.low, exact.high))
        assert "the same in all 8 speakers: Clopper and Pearson" in found.note


@pytest.mark.parametrize(("scale", "value"), [(SHARE, 0.25), (CORRELATION, 1.0), (ERROR, 0.0), (ERROR, 2.0), (DIFFERENCE, 0.0)])
def test_a_figure_that_is_the_same_whoever_is_left_out_has_no_width_and_says_so(scale, value):
    found = of(np.mean, scale, np.repeat(np.arange(8), 3), np.full(24, value))
    assert found.borders == (value, value)
    assert found.note == "it is the same whichever speaker is left out"


def test_below_five_speakers_there_is_none():
    found = intervals(leave_one_out(np.mean, [0, 1, 2, 3], [0.5, 0.1, 0.3, 0.4]), [SHARE])
    assert found[0].borders is None
    assert found[0].note == "4 speakers are too few for an interval over speakers, which needs 5"
    assert of(np.mean, SHARE, ["a", "a"], [0.5, 0.1]).note.startswith("1 speaker is too few")


def test_a_figure_that_is_not_defined_without_a_speaker_has_none():
    speakers, truth = np.repeat(list("abcde"), 2), np.tile([0, 1], 5)
    truth[:2] = 2  # a alone has it

    def recall_of_all(truth):
        return metrics.unweighted_accuracy(truth, np.ones(len(truth))) if len(set(truth)) == 3 else float("nan")

    assert of(recall_of_all, SHARE, speakers, truth).note == "it is not defined without speaker a"
    assert of(lambda x: float("nan"), SHARE, speakers, truth).note == "it is not defined"


def test_what_is_asked_wrongly_is_refused_and_the_way_is_said():
    found = leave_one_out(np.mean, np.arange(6), np.arange(6) / 6)
    with pytest.raises(ParameterError, match="level is 95"):
        intervals(found, [SHARE], level=95)
    with pytest.raises(ParameterError, match="got 2 scales for 1 figures"):
        intervals(found, [SHARE, SHARE])
    assert method(found) == "one speaker left out at a time, t with 5 degrees of freedom"
    many = leave_one_out(np.mean, np.arange(1500), np.arange(1500))
    assert method(many) == "one of 1000 groups of speakers left out at a time, t with 999 degrees of freedom"
