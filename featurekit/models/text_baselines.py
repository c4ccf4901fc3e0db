"""Support vector machine and naive Bayes on transcripts: the text-based baselines of Luo, Xu, Chen 2019 (section 4.2.4).

They read what was said, not how: the manifest's ``text``. The paper's 57.23 and 55.72 (Table 5, MOUD) belong beside them alone;
``svm`` and ``naive-bayes`` read audio and are ours. A transcript is a bag of words weighted by tf-idf as scikit-learn has it:
counts, times 1 + ln((1 + n) / (1 + df)), brought to length 1. Vocabulary and df are those of the training part alone and lie
in the run's state, the words themselves in the fold's ``vocabulary.json``; a word that was not there counts nothing, and
utterances without words are left out of the run.

``svm-text`` is a linear machine, one class against the others (scikit-learn's LinearSVC, squared hinge loss): its scores are
log-softmaxed margins, an order and no probability. ``naive-bayes-text`` is multinomial with additive smoothing. The paper
names neither kernel, C nor smoothing: scikit-learn's defaults of 1 are ours.

A word is, in any language, letters with their accents; in Chinese and Japanese, which write no spaces, a single character,
and with ``ngrams = 2`` pairs of them too.
"""

from __future__ import annotations

import warnings
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from featurekit.errors import ParameterError
from featurekit.models import Inputs, model
from featurekit.models.classical import LUO, RECIPE, Classical, TrainingPart, needed
from featurekit.models.layers import target_slot

_STEPS = 100_000  # of the machine's solver, at most
_MIX = np.uint64(0x9E3779B97F4A7C15)  # an odd number: neighbours in order have a number of their own


class OnWords(Classical):
    """A classifier of bags of words: subclasses fit and judge weighted counts.

    Parameters
    ----------
    n_classes : int
        K.
    arrays : sequence of str
        Names of what the classifier keeps.
    ngrams : int
        Words in a row that are counted together, at most.
    tf_idf : bool
        Weigh counts by tf-idf; without, they are counts.
    """

    def __init__(self, n_classes: int, arrays: Sequence[str], *, ngrams: int, tf_idf: bool) -> None:
        super().__init__(n_classes, ("vocabulary", "weights", *arrays))
        self.ngrams, self.tf_idf = ngrams, tf_idf

    @abstractmethod
    def fit_bags(self, X: Any, part: TrainingPart) -> None:
        """Fit on X (n, V), sparse."""

    @abstractmethod
    def judge_bags(self, X: Tensor) -> Tensor:
        """Log-probabilities, or scores, (B, classes that are there) of X (B, V)."""

    def sequences_of(self, batch: Inputs) -> tuple[Tensor, Tensor]:
        """Word numbers as (B, L, 1), and how many words, (B,)."""
        if batch.text is None or batch.text_lengths is None:
            raise ParameterError("this model reads transcripts, and the batch has none; make the dataset with text=True")
        return target_slot(batch.text)[..., None], target_slot(batch.text_lengths)

    def fit(self, part: TrainingPart) -> None:
        """Fit the vocabulary and its weights, then the classifier."""
        said = [self._terms(values[:, 0]) for values in part.sequences()]
        terms, counts = np.unique(np.concatenate(said), return_inverse=True)
        if not len(terms):
            raise ParameterError("no training utterance has a word; add text to the manifest")
        rows = np.repeat(np.arange(len(said)), [len(one) for one in said])
        X = needed("scipy.sparse").csr_matrix((np.ones(len(counts)), (rows, counts)), (len(said), len(terms)))
        weights = np.ones(len(terms))
        if self.tf_idf:
            weighing = needed("sklearn.feature_extraction.text").TfidfTransformer().fit(X)
            X, weights = weighing.transform(X), weighing.idf_
        self.keep(vocabulary=terms, weights=weights)
        self.fit_bags(X, part)

    def judge(self, frames: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """The embedding is what the classifier says of the classes that are there."""
        said = self.judge_bags(self._bags(frames[..., 0], lengths))
        return said, said

    def _bags(self, numbers: Tensor, lengths: Tensor) -> Tensor:
        """Weighted counts of the words of the vocabulary, (B, V)."""
        vocabulary = self.array("vocabulary").numpy()
        bags = np.zeros((len(numbers), len(vocabulary)))
        for row, (words, n) in enumerate(zip(numbers.numpy(), lengths.tolist(), strict=True)):
            terms = self._terms(words[:n])
            places = np.searchsorted(vocabulary, terms).clip(max=len(vocabulary) - 1)
            np.add.at(bags[row], places[vocabulary[places] == terms], 1.0)
        X = torch.from_numpy(bags) * self.array("weights")
        return X / X.norm(dim=1, keepdim=True).clamp(min=1e-12) if self.tf_idf else X

    def _terms(self, words: np.ndarray) -> np.ndarray:
        """Numbers of the words, and of all rows of 2 to ``ngrams`` of them, int64."""
        single = words.astype(np.int64).astype(np.uint64)
        found = together = single
        for length in range(2, self.ngrams + 1):
            together = together[:-1] * _MIX + single[length - 1 :]
            found = np.concatenate([found, together])
        return found.view(np.int64)


@model("svm-text", reads=("text",), recipe=RECIPE, paper=LUO)
class SVMText(OnWords):
    """Linear support vector machines on bags of words, one class against the others.

    Parameters
    ----------
    n_classes : int
        K.
    C : float
        How much an error costs.
    ngrams : int
        Words in a row that are counted together, at most.
    tf_idf : bool
        Weigh counts by tf-idf; without, they are counts.
    """

    order_by = "margins"

    def __init__(self, *, n_classes: int, C: float = 1.0, ngrams: int = 1, tf_idf: bool = True) -> None:
        super().__init__(n_classes, ("coefficients", "intercepts"), ngrams=ngrams, tf_idf=tf_idf)
        if not C > 0:
            raise ParameterError(f"C is {C}; expected a value above 0")
        self.C = C

    def fit_bags(self, X: Any, part: TrainingPart) -> None:
        """A machine a class; of two classes one, whose margin is that of the second."""
        machine = needed("sklearn.svm").LinearSVC(C=self.C, dual=True, max_iter=_STEPS, random_state=part.seed)
        with warnings.catch_warnings():
            warnings.simplefilter("error", needed("sklearn.exceptions").ConvergenceWarning)
            try:
                fitted = machine.fit(X, part.labels)
            except needed("sklearn.exceptions").ConvergenceWarning:
                raise ParameterError(
                    f"the machine did not converge in {_STEPS:,} steps; use a smaller C than {self.C}"
                ) from None
        self.keep(coefficients=fitted.coef_, intercepts=fitted.intercept_)

    def judge_bags(self, X: Tensor) -> Tensor:
        """Log-softmax of the margins."""
        margins = X @ self.array("coefficients").T + self.array("intercepts")
        if margins.shape[1] == 1:
            margins = torch.cat([-margins, margins], dim=1)
        return margins.log_softmax(dim=1)


@model("naive-bayes-text", reads=("text",), recipe=RECIPE, paper=LUO)
class NaiveBayesText(OnWords):
    """Multinomial naive Bayes on bags of words.

    Parameters
    ----------
    n_classes : int
        K.
    smoothing : float
        Added to the count of each word in each class.
    ngrams : int
        Words in a row that are counted together, at most.
    tf_idf : bool
        Weigh counts by tf-idf; without, they are counts.
    """

    def __init__(self, *, n_classes: int, smoothing: float = 1.0, ngrams: int = 1, tf_idf: bool = True) -> None:
        super().__init__(n_classes, ("log_prior", "log_shares"), ngrams=ngrams, tf_idf=tf_idf)
        if not smoothing > 0:
            raise ParameterError(f"smoothing is {smoothing}; expected a value above 0, or unseen words decide alone")
        self.smoothing = smoothing

    def fit_bags(self, X: Any, part: TrainingPart) -> None:
        """Log shares of the words in each class."""
        fitted = needed("sklearn.naive_bayes").MultinomialNB(alpha=self.smoothing).fit(X, part.labels)
        self.keep(log_prior=fitted.class_log_prior_, log_shares=fitted.feature_log_prob_)

    def judge_bags(self, X: Tensor) -> Tensor:
        """Bayes' rule."""
        return (X @ self.array("log_shares").T + self.array("log_prior")).log_softmax(dim=1)
