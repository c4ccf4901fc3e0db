"""One recording under two labels: the corpus contradicts itself, and no split of it is right."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress

from featurekit.data.audit.checks import chained, said
from featurekit.data.audit.findings import Finding, Pair, Severity
from featurekit.data.audit.ratings import Rated
from featurekit.data.audit.same import Pairs
from featurekit.data.tasks import Task, class_maps, get_task
from featurekit.data.tasks.schemes import RATINGS
from featurekit.errors import FeaturekitError
from featurekit.manifest import Manifest, Utterance, one_form

_RATED = tuple(dict.fromkeys(key for ratings in RATINGS.values() for key in ratings.keys))
_KEYS = ("emotion", "sentiment", "label", "score")  # the raw labels that a class is read from, the first that is there


def labels_of_corpora(utterances: Sequence[Utterance]) -> dict[str, str]:
    """Id → canonical word of the raw label, for utterances of several corpora, whose ids begin with the corpus and ``/``.

    Each corpus is read by its own key, and words that are in no class are absent.
    """
    canonical, by_corpus = class_maps.get_map(class_maps.CANONICAL), dict[str, list[Utterance]]()
    for item in utterances:
        by_corpus.setdefault(item.id.partition("/")[0], []).append(item)
    raw = {name: word for items in by_corpus.values() for name, word in labels_of(items).items()}
    return {name: found for name, word in raw.items() if (found := canonical.class_of(word))}


def labels_of(utterances: Sequence[Utterance], task: str | Task = "") -> dict[str, str]:
    """Id → class of the task, or without one the raw label that classes are read from; ids without it are absent.

    Parameters
    ----------
    utterances : sequence of Utterance
    task : str or Task
        As a split's settings have it; one that is not for these utterances counts as none.
    """
    if task:
        try:
            label_of = get_task(task, Manifest(utterances)).label_of
            return {item.id: label for item in utterances if (label := label_of(item))}
        except FeaturekitError:
            pass  # the task of two stores, or of labels that are not here: the raw ones speak
    return _raw(utterances, _keys(utterances))


def ratings_of(utterances: Sequence[Utterance], task: str | Task = "") -> tuple[dict[str, str], Rated]:
    """Id → ratings as text, and the ratings, where not classes but ratings are learnt or, without a task, given; else nothing.

    Parameters
    ----------
    utterances, task
        As for :func:`labels_of`.
    """
    keys: Sequence[str] = ()
    with suppress(FeaturekitError):  # as in labels_of
        found = get_task(task, Manifest(utterances)) if task else None
        if found is not None and found.kind != "values":
            return {}, Rated()
        keys = found.outputs if found is not None else ()
    keys = keys or _keys(utterances)
    rated = Rated.of(utterances, keys)
    return (_raw(utterances, keys) if rated.tolerances else {}), rated


def _keys(utterances: Sequence[Utterance]) -> list[str]:
    """The raw labels that speak where no task does."""
    present = {key for item in utterances for key in item.labels}
    key = next((name for name in _KEYS if name in present), "")
    return [key] if key else [name for name in _RATED if name in present]


def _raw(utterances: Sequence[Utterance], keys: Sequence[str]) -> dict[str, str]:
    return {
        item.id: said for item in utterances if (said := ", ".join(_words(item.labels.get(name)) for name in keys).strip(", "))
    }


def contradictions(
    groups: Iterable[tuple[str, ...]], pairs: Iterable[Pairs], labels: Mapping[str, str], rated: Rated | None = None
) -> list[Pair]:
    """Pairs of utterances that are one recording and have two labels: the two ids, the labels and how they are the same.

    Parameters
    ----------
    groups : iterable of tuple of str
        Identical audio, as :func:`~featurekit.data.audit.same.same_input` gives it.
    pairs : iterable of Pairs
        Audio that is nearly the same; of these ``same`` counts.
    labels : mapping
        Id → label.
    rated : Rated, optional
        Where the labels are ratings: those that differ by no more than means of raters do are one label
        (:mod:`featurekit.data.audit.ratings`).
    """
    rated = rated or Rated()
    alike = {(first, second): "identical audio" for first, second, _ in chained(groups)}
    for found in pairs:
        for one, two, detail in found.found:
            if (one, two) in found.same and (two, one) not in alike:
                alike.setdefault((one, two), detail)
    return [
        (first, second, f"{labels[first]} and {labels[second]}; {detail}")
        for (first, second), detail in alike.items()
        if first in labels and second in labels and labels[first] != labels[second] and not rated.agree(first, second)
    ]


def two_labels(found: Sequence[Pair]) -> Iterator[Finding]:
    """What :func:`contradictions` found, as a finding."""
    if found:
        what = "pair of utterances is one recording" if len(found) == 1 else "pairs of utterances are one recording each"
        text = f"{len(found)} {what} under two labels: correct the labels, or leave both out"
        yield Finding("two-labels", Severity.ERROR, "", (), len(found), 0, said(found), text, tuple(found))


def _words(value: object) -> str:
    """A raw label as text; empty for none, and for what holds several, as the votes of raters do."""
    if not isinstance(value, (str, int, float)):
        return ""
    return one_form(value) if isinstance(value, str) else f"{value:g}"
