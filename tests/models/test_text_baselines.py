"""svm-text and naive-bayes-text against scikit-learn's own pipelines, on words, n-grams and Chinese characters."""

import numpy as np
import pytest
import torch

from featurekit.data.collate import Batch
from featurekit.data.words import word_numbers, words_of
from featurekit.errors import ParameterError
from featurekit.models import MODELS, build

pytest.importorskip("sklearn")
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.naive_bayes import MultinomialNB
from sklearn.svm import LinearSVC

TEXTS = [
    "a good film, a very good film",
    "bad and boring",
    "the film is bad",
    "I like it",
    "una película muy buena",
    "no me gusta la película",
    "这部电影很好",
    "这部电影不好",
    "so so",
]
LABELS = [2, 0, 0, 2, 2, 0, 2, 0, 1]
NEW = ["a very bad film", "la película me gusta", "电影很不好", "words nobody said before"]


def batch_of(texts, labels=None):
    numbers = [torch.from_numpy(word_numbers(text)) for text in texts]
    lengths = torch.tensor([[len(one)] for one in numbers])
    padded = torch.nn.utils.rnn.pad_sequence(numbers, batch_first=True)[:, None]
    labels = torch.tensor(labels or [0] * len(texts))
    ids = [str(place) for place in range(len(texts))]
    return Batch(None, torch.zeros_like(lengths), None, lengths >= 0, labels, ids, {}, padded, lengths)


def fitted(name, labels=LABELS, **hyper):
    model = build(name, n_classes=3, **hyper)
    model.prepare(lambda: iter([batch_of(TEXTS[:4], labels[:4]), batch_of(TEXTS[4:], labels[4:])]), torch.Generator())
    return model.eval()


@pytest.mark.parametrize("ngrams", [1, 2, 3])
@pytest.mark.parametrize("tf_idf", [True, False])
def test_bags_are_those_of_scikit_learn(ngrams, tf_idf):
    model = fitted("naive-bayes-text", ngrams=ngrams, tf_idf=tf_idf)
    kind = TfidfVectorizer if tf_idf else CountVectorizer
    theirs = kind(tokenizer=words_of, token_pattern=None, lowercase=False, ngram_range=(1, ngrams)).fit(TEXTS)
    batch = batch_of(NEW)
    ours = model._bags(*(values[:, 0] for values in (batch.text, batch.text_lengths)))
    expected = theirs.transform(NEW).toarray()
    assert ours.shape == expected.shape
    np.testing.assert_allclose(np.sort(ours.numpy(), axis=1), np.sort(expected, axis=1), atol=1e-12)
    logits = model(batch).logits
    own = MultinomialNB().fit(theirs.transform(TEXTS), LABELS)
    np.testing.assert_allclose(logits.numpy(), own.predict_log_proba(theirs.transform(NEW)), rtol=1e-5)


@pytest.mark.parametrize("labels", [LABELS, [0, 1, 1, 0, 0, 1, 0, 1, 1]])
def test_margins_are_those_of_scikit_learns_linear_machine(labels):
    model = fitted("svm-text", labels, C=0.7)
    vectorizer = TfidfVectorizer(tokenizer=words_of, token_pattern=None, lowercase=False).fit(TEXTS)
    machine = LinearSVC(C=0.7, random_state=0, max_iter=100_000).fit(vectorizer.transform(TEXTS), labels)
    margins = machine.decision_function(vectorizer.transform(NEW))
    logits = model(batch_of(NEW)).logits
    if margins.ndim == 1:
        np.testing.assert_allclose(logits[:, 1] - logits[:, 0], 2 * margins, atol=1e-3)
    else:
        np.testing.assert_allclose(logits, torch.from_numpy(margins).log_softmax(dim=1), atol=1e-3)


@pytest.mark.parametrize("name", ["svm-text", "naive-bayes-text"])
def test_the_vocabulary_is_that_of_the_training_part_and_lies_in_the_state_as_numbers(name):
    model = fitted(name)
    every = {number for text in TEXTS for number in word_numbers(text).tolist()}
    state = model.state_dict()
    assert set(state["vocabulary"].tolist()) == every
    assert all(value.dtype in (torch.int64, torch.float64) for value in state.values())
    other = build(name, n_classes=3).eval()
    other.load_state_dict(state)
    assert torch.equal(other(batch_of(NEW)).logits, model(batch_of(NEW)).logits)
    unseen = model(batch_of(["nobody said these"])).logits
    assert torch.equal(unseen, model(batch_of(["nor would anyone"])).logits)


@pytest.mark.parametrize("name", ["svm-text", "naive-bayes-text"])
def test_it_reads_words_alone_and_batch_mates_do_not_matter(name):
    assert MODELS.get(name).reads == ("text",)
    model = fitted(name)
    together = model(batch_of(NEW)).logits
    for place, text in enumerate(NEW):
        assert torch.equal(model(batch_of([text])).logits[0], together[place])
    right = model(batch_of(TEXTS)).logits.argmax(dim=1) == torch.tensor(LABELS)
    assert right[:-1].all()  # one short transcript alone of its class does not outweigh the prior of naive Bayes


def test_what_cannot_be_fitted_is_said():
    with pytest.raises(ParameterError, match="no training utterance has a word"):
        build("svm-text", n_classes=2).prepare(lambda: iter([batch_of(["...", ""], [0, 1])]), torch.Generator())
    with pytest.raises(ParameterError, match="smoothing is 0"):
        build("naive-bayes-text", n_classes=2, smoothing=0.0)
    with pytest.raises(ParameterError, match="C is 0"):
        build("svm-text", n_classes=2, C=0.0)
    with pytest.raises(ParameterError, match="reads transcripts, and the batch has none"):
        fitted("svm-text")(Batch(None, torch.zeros(1, 1), None, torch.ones(1, 1).bool(), torch.zeros(1), ["x"]))
