from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from sklearn.utils.class_weight import compute_class_weight

from featurekit import metrics
from featurekit.errors import ParameterError
from featurekit.training import TrainSettings, make_loss
from featurekit.training.losses import class_weights, concordance_loss, frame_counts

CPU = torch.device("cpu")


def part(kind="classes", labels=(), n=4, scale=None):
    """What a loss asks of a dataset."""
    task = SimpleNamespace(name="mood", kind=kind, scale=scale)
    return SimpleNamespace(task=task, class_numbers=np.array(labels, dtype=np.int64), classes=tuple("abcd"[:n]))


def test_class_weights_equal_scikit_learns_balanced_ones():
    labels = np.array([0, 0, 0, 1, 2, 2])
    expected = compute_class_weight("balanced", classes=np.arange(3), y=labels)
    np.testing.assert_allclose(class_weights(labels, 3).numpy(), expected, rtol=1e-6)
    assert class_weights(labels, 4)[3] == 0


def test_uniform_logits_cost_the_logarithm_of_the_number_of_classes():
    loss = make_loss(TrainSettings(), part(), CPU)
    assert float(loss(torch.zeros(3, 4), torch.tensor([0, 1, 2]))) == pytest.approx(np.log(4))


def test_soft_labels_that_are_hard_cost_the_same():
    loss = make_loss(TrainSettings(label_smoothing=0.1), part("soft"), CPU)
    logits, labels = torch.randn(5, 4), torch.tensor([0, 1, 2, 3, 0])
    torch.testing.assert_close(loss(logits, labels), loss(logits, torch.eye(4)[labels]))


def test_weights_count_rare_classes_more():
    labels = np.array([0] * 9 + [1])
    logits = torch.tensor([[2.0, 0.0]] * 10)
    plain, weighted = (
        make_loss(TrainSettings(class_weights=on), part(labels=labels, n=2), CPU)(logits, torch.from_numpy(labels))
        for on in (False, True)
    )
    assert weighted > plain


def test_ratings_are_learnt_on_minus_one_to_one():
    targets = torch.tensor([[1.0], [5.0], [3.0]])
    squared = make_loss(TrainSettings(), part("values", scale=(1.0, 5.0)), CPU)
    assert float(squared(torch.tensor([[-1.0], [1.0], [0.0]]), targets)) == 0
    assert float(squared(torch.tensor([[-1.0], [1.0], [0.5]]), targets)) == pytest.approx(0.25 / 3)


def test_the_concordance_loss_is_one_minus_lins_coefficient():
    outputs, targets = torch.randn(40, 2, dtype=torch.float64), torch.randn(40, 2, dtype=torch.float64)
    expected = 1 - np.mean([metrics.concordance(targets[:, k].numpy(), outputs[:, k].numpy()) for k in range(2)])
    assert float(concordance_loss(outputs, targets)) == pytest.approx(expected, abs=1e-6)
    constant = torch.full((1, 2), 0.3, requires_grad=True)
    concordance_loss(constant, torch.zeros(1, 2)).backward()
    assert torch.isfinite(constant.grad).all()
    chosen = make_loss(TrainSettings(loss="ccc"), part("values", scale=(-3.0, 3.0)), CPU)
    assert float(chosen(targets / 3, targets)) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        ("classes", {"loss": "mse"}),
        ("soft", {"loss": "ccc"}),
        ("values", {"loss": "cross-entropy"}),
        ("values", {"class_weights": True}),
        ("values", {"label_smoothing": 0.1}),
    ],
)
def test_a_loss_that_does_not_fit_what_is_learnt_is_refused(kind, settings):
    with pytest.raises(ParameterError, match=r"mood learns"):
        make_loss(TrainSettings(**settings), part(kind), CPU)


def test_counted_utterances_weigh_as_often_as_they_count():
    logits, labels, counts = torch.randn(3, 4), torch.tensor([0, 1, 2]), torch.tensor([5, 1, 2])
    loss = make_loss(TrainSettings(), part(), CPU)
    repeated = loss(logits.repeat_interleave(counts, 0), labels.repeat_interleave(counts))
    torch.testing.assert_close(loss(logits, labels, counts), repeated)
    ratings = make_loss(TrainSettings(), part("values", scale=(1.0, 5.0)), CPU)
    outputs, targets = torch.randn(3, 2), torch.rand(3, 2)
    repeated = ratings(outputs.repeat_interleave(counts, 0), targets.repeat_interleave(counts, 0))
    torch.testing.assert_close(ratings(outputs, targets, counts), repeated)


def test_an_utterance_counts_once_a_frame_of_the_middle_slot():
    lengths = torch.tensor([[3, 7, 2], [1, 0, 4]])
    assert frame_counts(SimpleNamespace(lengths=lengths, frames=torch.zeros(2, 3, 7, 1), targets=None)).tolist() == [7, 1]
    assert frame_counts(SimpleNamespace(lengths=lengths, frames=None, targets=None)).tolist() == [1, 1]
    targets = torch.tensor([[True, False, True], [False, False, True]])
    assert frame_counts(SimpleNamespace(lengths=lengths, frames=torch.zeros(2, 3, 7, 1), targets=targets)).tolist() == [3, 2, 4]


def test_a_sum_of_concordances_is_refused():
    with pytest.raises(ParameterError, match="ccc is one number of a whole batch"):
        make_loss(TrainSettings(loss="ccc", reduction="sum"), part("values"), CPU)
