import numpy as np
import pytest

from featurekit.errors import ParameterError
from featurekit.statistics import benjamini_hochberg, holm

multitest = pytest.importorskip("statsmodels.stats.multitest")


@pytest.mark.parametrize("m", [1, 2, 5, 30])
def test_corrections_are_those_of_statsmodels(m):
    p = np.round(np.random.default_rng(m).random(m) ** 2, 2)  # with ties
    assert holm(p) == pytest.approx(multitest.multipletests(p, method="holm")[1])
    assert benjamini_hochberg(p) == pytest.approx(multitest.multipletests(p, method="fdr_bh")[1])


def test_what_is_not_a_test_does_not_count():
    assert holm([0.01, np.nan, 0.03]).tolist() == pytest.approx([0.02, np.nan, 0.03], nan_ok=True)
    assert benjamini_hochberg([np.nan]).tolist() == pytest.approx([np.nan], nan_ok=True)
    assert len(holm([])) == 0


def test_no_share_is_refused():
    for correct in (holm, benjamini_hochberg):
        with pytest.raises(ParameterError, match="between 0 and 1"):
            correct([0.5, 1.2])
