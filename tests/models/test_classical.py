"""The traditional classifiers: our arrays say what the libraries that fitted them say."""

from __future__ import annotations

import sys
import warnings

import numpy as np
import pytest
import torch

from featurekit.data.collate import Batch
from featurekit.errors import MissingDependencyError, ParameterError
from featurekit.models import build
from featurekit.models.classical import LOG_FLOOR, functionals

pytest.importorskip("sklearn")

NAMES = ["svm", "naive-bayes", "gmm", "hmm", "dtw", "random-forest", "gradient-boosting"]
LIBRARY = {"hmm": "hmmlearn", "dtw": "dtaidistance"}
ON_FUNCTIONALS = ["svm", "naive-bayes", "random-forest", "gradient-boosting"]


def make_batch(n=60, n_classes=3, dims=4, seed=0, *, spread=0.6, longest=20):
    """Utterances whose mean tells the class, more or less; every tenth has only one frame."""
    rng = np.random.default_rng(seed)
    labels = torch.tensor([i % n_classes for i in range(n)])
    lengths = torch.tensor([1 if i % 10 == 9 else int(rng.integers(5, longest)) for i in range(n)])[:, None]
    frames = torch.tensor(rng.normal(0, 1, (n, 1, longest, dims)), dtype=torch.float32)
    frames[:, 0, :, 0] += spread * labels[:, None]
    frames[:, 0, :, 1] -= spread * (labels[:, None] == 0)
    frames *= (torch.arange(longest) < lengths)[:, None, :, None]
    return Batch(frames, lengths, None, lengths > 0, labels, [f"u{i}" for i in range(n)])


def vectors(n=80, n_classes=3, dims=5, seed=0):
    rng = np.random.default_rng(seed)
    labels = torch.tensor([i % n_classes for i in range(n)])
    frames = torch.tensor(rng.normal(0, 1, (n, 1, 1, dims)), dtype=torch.float32) + 0.8 * labels[:, None, None, None]
    return Batch(frames, torch.ones(n, 1).long(), None, torch.ones(n, 1).bool(), labels, [f"u{i}" for i in range(n)])


def fitted(name, batch, n_classes=3, seed=0, speakers=None, **hyper):
    pytest.importorskip(LIBRARY.get(name, "sklearn"))
    model = build(name, dims=batch.frames.shape[-1], n_classes=n_classes, **hyper)
    model.prepare(lambda: iter([batch]), torch.Generator().manual_seed(seed), speakers=speakers)
    return model.eval()


def standardised(batch):
    X = batch.frames[:, 0, 0].double().numpy()
    return (X - X.mean(axis=0)) / X.std(axis=0)


def accuracy(model, batch):
    return float((model(batch).logits.argmax(dim=1) == batch.labels).float().mean())


@pytest.mark.parametrize("name", NAMES)
def test_it_learns_classes_and_knows_them_in_others(name):
    model = fitted(name, make_batch(spread=1.0))
    assert accuracy(model, make_batch(seed=1, spread=1.0)) > 0.6
    assert not list(model.parameters())


@pytest.mark.parametrize("name", NAMES)
def test_logits_are_log_probabilities(name):
    batch = make_batch()
    total = fitted(name, batch)(batch).logits.exp().sum(dim=1)
    torch.testing.assert_close(total, torch.ones(60), atol=1e-4, rtol=0)


@pytest.mark.parametrize("name", NAMES)
def test_a_loaded_state_judges_as_the_fitted_one_without_the_library_that_fitted(name, monkeypatch):
    batch = make_batch()
    one = fitted(name, batch)
    two = build(name, dims=4, n_classes=3)
    two.load_state_dict(one.state_dict())
    for library in ("sklearn", "sklearn.svm", "hmmlearn", "hmmlearn.hmm"):
        monkeypatch.setitem(sys.modules, library, None)
    assert torch.equal(one(batch).logits, two.eval()(batch).logits)


@pytest.mark.parametrize("name", ["gmm", "hmm", "dtw", "random-forest"])
def test_what_is_random_comes_from_the_generator(name):
    batch = make_batch()
    hyper = {"dtw": {"templates": 3}, "random-forest": {"trees": 5}}.get(name, {})
    torch.manual_seed(1)
    one, two, three = (fitted(name, batch, seed=seed, **hyper)(batch).logits for seed in (0, 0, 1))
    assert torch.equal(one, two)
    assert not torch.equal(one, three)


@pytest.mark.parametrize("name", NAMES)
def test_a_class_without_training_utterances_is_never_chosen(name):
    batch = make_batch(n_classes=3)
    model = fitted(name, batch, n_classes=4)
    assert (model(batch).logits[:, 3] == LOG_FLOOR).all()
    assert accuracy(model, batch) > 0.6


@pytest.mark.parametrize("name", NAMES)
def test_an_unfitted_one_and_a_training_part_of_one_class_are_refused(name):
    batch = make_batch()
    with pytest.raises(ParameterError, match="was not fitted; train it"):
        build(name, dims=4, n_classes=3)(batch)
    batch.labels[:] = 1
    with pytest.raises(ParameterError, match="at least 2"):
        fitted(name, batch)


@pytest.mark.parametrize(
    ("name", "library"), [("svm", "sklearn.svm"), ("hmm", "hmmlearn.hmm"), ("dtw", "dtaidistance.dtw_ndim")]
)
def test_a_missing_library_is_named_with_the_extra(name, library, monkeypatch):
    monkeypatch.setitem(sys.modules, library, None)
    batch = make_batch()
    model = build(name, dims=4, n_classes=3)
    shown = {"sklearn.svm": "scikit-learn"}.get(library, library.split(".")[0])
    with pytest.raises(MissingDependencyError, match=rf"needs {shown}; pip install 'featurekit\[classical\]'"):
        model.prepare(lambda: iter([batch]), torch.Generator())


def test_functionals_are_those_of_the_frames_inside():
    batch = make_batch(6)
    found = functionals(batch.frames[:, 0].double(), batch.lengths[:, 0]).numpy()
    for row, frames, n in zip(found, batch.frames[:, 0].double().numpy(), batch.lengths[:, 0].tolist(), strict=True):
        x = frames[:n]
        np.testing.assert_allclose(row, np.concatenate([x.mean(0), x.std(0), x.min(0), x.max(0)]), rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("name", ON_FUNCTIONALS)
def test_one_vector_an_utterance_is_taken_as_it_is(name):
    batch = vectors()
    output = fitted(name, batch)(batch)
    np.testing.assert_allclose(output.embedding.numpy(), standardised(batch), rtol=1e-4, atol=1e-5)


def test_naive_bayes_is_scikit_learns():
    from sklearn.naive_bayes import GaussianNB

    batch = vectors()
    X = standardised(batch)
    theirs = GaussianNB(var_smoothing=1e-3).fit(X, batch.labels.numpy()).predict_log_proba(X)
    np.testing.assert_allclose(fitted("naive-bayes", batch)(batch).logits.numpy(), np.maximum(theirs, LOG_FLOOR), atol=1e-4)


@pytest.mark.parametrize("n_classes", [2, 3, 5])
def test_the_svm_is_libsvms(n_classes):
    from sklearn.svm import SVC

    batch = vectors(n_classes=n_classes)
    X = standardised(batch)
    theirs = SVC(C=1.0, gamma=1 / 5).fit(X, batch.labels.numpy())
    ours = fitted("svm", batch, n_classes=n_classes)(batch).logits
    decision = theirs.decision_function(X)
    if n_classes == 2:
        assert ((ours[:, 1] > ours[:, 0]).numpy() == (decision > 0)).all()
    else:
        expected = torch.tensor(decision).log_softmax(dim=1).float()
        torch.testing.assert_close(ours, expected, atol=1e-4, rtol=1e-4)


def test_c_is_chosen_among_folds_without_a_common_speaker():
    batch = vectors(n=60, n_classes=2)
    owner = torch.arange(60) // 10
    speakers = {name: f"s{int(number)}" for name, number in zip(batch.ids, owner, strict=True)}
    from sklearn.model_selection import GroupKFold
    from sklearn.svm import SVC

    model = fitted("svm", batch, n_classes=2, speakers=speakers)
    X, y = standardised(batch), batch.labels.numpy()
    scores = []
    for C in (1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0):
        held = np.zeros(60, int)
        for train, out in GroupKFold(5).split(X, groups=owner.numpy()):
            held[out] = SVC(C=C, gamma=1 / 5).fit(X[train], y[train]).predict(X[out])
        scores.append(np.mean([(held[y == k] == k).mean() for k in (0, 1)]))
    assert float(model.array("C")) == 10.0 ** (int(np.argmax(scores)) - 6)
    assert float(fitted("svm", batch, n_classes=2).array("C")) == 1.0  # nobody to hold out
    assert float(fitted("svm", batch, n_classes=2, speakers=speakers, grid=(0.5,)).array("C")) == 0.5


def test_the_forest_is_scikit_learns():
    from sklearn.ensemble import RandomForestClassifier

    batch = vectors()
    seed = int(torch.randint(2**31 - 1, (1,), generator=torch.Generator().manual_seed(0)))
    X = standardised(batch).astype(np.float32)
    theirs = RandomForestClassifier(20, random_state=seed).fit(X, batch.labels.numpy()).predict_proba(X)
    ours = fitted("random-forest", batch, trees=20)(batch).logits.exp().numpy()
    np.testing.assert_allclose(ours, theirs, atol=1e-4)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_gradient_boosting_is_scikit_learns(n_classes):
    from sklearn.ensemble import HistGradientBoostingClassifier

    batch = vectors(n_classes=n_classes)
    X = standardised(batch)
    theirs = HistGradientBoostingClassifier(max_iter=10, min_samples_leaf=4, early_stopping=False).fit(X, batch.labels.numpy())
    ours = fitted("gradient-boosting", batch, n_classes=n_classes, rounds=10)(batch).logits.exp().numpy()
    np.testing.assert_allclose(ours, theirs.predict_proba(X), atol=1e-4)


def test_the_mixture_is_scikit_learns():
    from sklearn.mixture import GaussianMixture

    batch = make_batch()
    ours = fitted("gmm", batch, components=2)
    seed = int(torch.randint(2**31 - 1, (1,), generator=torch.Generator().manual_seed(0)))
    scores = ours(batch).embedding.numpy()
    frames = [x[:n].double().numpy() for x, n in zip(batch.frames[:, 0], batch.lengths[:, 0].tolist(), strict=True)]
    for label in range(3):
        own = np.concatenate([x for x, k in zip(frames, batch.labels.tolist(), strict=True) if k == label])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            theirs = GaussianMixture(2, covariance_type="diag", reg_covar=1e-3, random_state=seed).fit(own)
        np.testing.assert_allclose(scores[:, label], [theirs.score(x) for x in frames], rtol=1e-4)


def test_the_hidden_markov_model_is_hmmlearns():
    hmm = pytest.importorskip("hmmlearn.hmm")
    batch = make_batch()
    ours = fitted("hmm", batch, states=3)
    scores = ours(batch).embedding.numpy()
    means, variances = ours.array("means").numpy(), ours.array("variances").numpy()
    for label in range(3):
        theirs = hmm.GaussianHMM(3, covariance_type="diag")
        theirs.startprob_ = _sum_1(np.exp(ours.array("log_start")[label].numpy()))
        theirs.transmat_ = _sum_1(np.exp(ours.array("log_ways")[label].numpy()))
        theirs.means_, theirs.covars_ = means[label], variances[label]
        for row, (x, n) in enumerate(zip(batch.frames[:, 0], batch.lengths[:, 0].tolist(), strict=True)):
            assert scores[row, label] == pytest.approx(theirs.score(x[:n].double().numpy()) / n, rel=1e-4)


def _sum_1(values):
    return values / values.sum(axis=-1, keepdims=True)


def test_warping_ignores_tempo_and_finds_the_nearest():
    pytest.importorskip("dtaidistance")
    slope = np.linspace(0, 3, 12)
    rows = [slope, np.repeat(slope, 2), -slope, np.repeat(-slope, 2)]
    frames = torch.zeros(4, 1, 24, 1)
    for place, row in enumerate(rows):
        frames[place, 0, : len(row), 0] = torch.tensor(row)
    lengths = torch.tensor([[12], [24], [12], [24]])
    batch = Batch(frames, lengths, None, lengths > 0, torch.tensor([0, 0, 1, 1]), list("abcd"))
    model = fitted("dtw", batch, n_classes=2, templates=1, band=24)
    assert model(batch).logits.argmax(dim=1).tolist() == [0, 0, 1, 1]
    own = model(batch).embedding.gather(1, batch.labels[:, None])
    torch.testing.assert_close(own, torch.zeros(4, 1))


def test_the_warped_distance_is_the_recurrence_written_out():
    pytest.importorskip("dtaidistance")
    batch = make_batch(2, 2, 3)
    batch.lengths[:] = torch.tensor([[9], [13]])
    model = fitted("dtw", batch, n_classes=2, band=40)
    a, b = batch.frames[0, 0, :9].numpy(), batch.frames[1, 0, :13].numpy()
    cost = np.full((10, 14), np.inf)
    cost[0, 0] = 0.0
    for i in range(9):
        for j in range(13):
            cost[i + 1, j + 1] = ((a[i] - b[j]) ** 2).sum() + min(cost[i, j], cost[i, j + 1], cost[i + 1, j])
    assert float(model(batch).embedding[0, 1]) == pytest.approx(np.sqrt(cost[9, 13]) / np.sqrt(9 + 13), rel=1e-5)


def test_sizes_below_one_and_empty_grids_are_refused():
    for name, hyper in (("gmm", "components"), ("hmm", "states"), ("dtw", "steps"), ("random-forest", "trees")):
        with pytest.raises(ParameterError, match=f"{hyper} is 0"):
            build(name, dims=4, n_classes=3, **{hyper: 0})
    with pytest.raises(ParameterError, match="C above 0"):
        build("svm", dims=4, n_classes=3, grid=())
