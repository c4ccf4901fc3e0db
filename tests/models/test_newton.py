import numpy as np
import pytest

from featurekit.errors import ParameterError
from featurekit.models.newton import fit_logistic

linear_model = pytest.importorskip("sklearn.linear_model")


def drawn(seed=0, n=300, d=12, n_classes=4):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, n_classes, n)
    return rng.normal(0, 1, (n, d)) + rng.normal(0, 1, (n_classes, d))[labels], labels


@pytest.mark.parametrize("n_classes", [2, 4, 7])
@pytest.mark.parametrize("decay", [1e-1, 1e-3, 1e-5])
def test_it_is_scikit_learns_optimum(n_classes, decay):
    X, labels = drawn(n_classes=n_classes)
    found = fit_logistic(X, labels, n_classes, decay)
    with_ones = np.concatenate([X, np.ones((len(X), 1))], axis=1)  # whose weight is decayed like the others
    oracle = linear_model.LogisticRegression(C=1 / (len(X) * decay), fit_intercept=False, tol=1e-12, max_iter=100_000)
    theirs = oracle.fit(with_ones, labels).coef_.T
    if n_classes == 2:  # one column: the difference of two classes, at half the decay of each
        oracle = linear_model.LogisticRegression(C=2 / (len(X) * decay), fit_intercept=False, tol=1e-12, max_iter=100_000)
        theirs = oracle.fit(with_ones, labels).coef_.T
        assert found[:, 1] - found[:, 0] == pytest.approx(theirs[:, 0], abs=1e-5)
    else:
        assert found == pytest.approx(theirs, abs=1e-5 if decay >= 1e-3 else 1e-3)


def test_it_is_the_optimum_of_a_linear_layer_with_weight_decay():
    torch = pytest.importorskip("torch")
    X, labels = drawn()
    found = torch.tensor(fit_logistic(X, labels, 4, 1e-3), requires_grad=True)
    logits = torch.tensor(X) @ found[:-1] + found[-1]
    loss = torch.nn.functional.cross_entropy(logits, torch.tensor(labels)) + 1e-3 / 2 * found.square().sum()
    loss.backward()
    assert float(found.grad.abs().max()) < 1e-8


def test_from_another_start_it_ends_in_the_same_optimum():
    X, labels = drawn()
    start = np.random.default_rng(1).normal(0, 3, (13, 4))
    assert fit_logistic(X, labels, 4, 1e-2, start=start) == pytest.approx(fit_logistic(X, labels, 4, 1e-2), abs=1e-6)


def test_classes_that_can_be_told_apart_and_a_class_without_rows_end_too():
    X = np.array([[-1.0], [-2.0], [3.0], [4.0]] * 5)
    found = fit_logistic(X, np.array([0, 0, 1, 1] * 5), 3, 1e-6)
    assert np.isfinite(found).all()
    predicted = (np.concatenate([X, np.ones((20, 1))], axis=1) @ found).argmax(axis=1)
    assert predicted.tolist() == [0, 0, 1, 1] * 5


def test_what_has_no_optimum_is_refused():
    X, labels = drawn()
    for decay in (0, -1, np.inf, np.nan):
        with pytest.raises(ParameterError, match="decay"):
            fit_logistic(X, labels, 4, decay)
    X[3, 2] = np.nan
    with pytest.raises(ParameterError, match="not finite"):
        fit_logistic(X, labels, 4, 1e-3)
