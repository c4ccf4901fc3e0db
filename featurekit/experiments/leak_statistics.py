"""The statistics of a leak: UA under both protocols, and their difference with an interval that is paired over speakers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from featurekit import statistics

PROTOCOLS = ("random", "speaker-disjoint")


def compare_protocols(
    labels: Mapping[str, str], speakers: Mapping[str, str], predicted: Mapping[str, Sequence[Mapping[str, str]]]
) -> dict[str, Any]:
    """UA of both protocols and their difference, with intervals.

    A seed's UA is taken over all folds' predictions together, since each utterance is predicted once; the UA of a
    protocol is the mean over seeds. The intervals leave one **speaker** out at a time, the same one in both protocols, so the
    difference is paired (:mod:`featurekit.statistics`). They say what other speakers of this kind would do to the numbers;
    the spread over seeds, which is given beside them, says what other folds would do, and is no interval: seeds share all
    their data.

    Parameters
    ----------
    labels, speakers : mapping
        Id → class, id → speaker.
    predicted : mapping
        Protocol → for each seed: id → predicted class.

    Returns
    -------
    dict
        ``n``, ``n_speakers``, ``seeds``, ``classes``, ``chance`` (in UA), ``majority`` (its share, so the WA of
        always answering it), ``why_no_interval`` (or None), ``method`` of the intervals; ``protocols``: ``ua``, ``interval``
        (or None), ``note`` (why there is none, or how else it was made), ``by_seed``, ``recalls``; ``difference``: ``ua``,
        ``interval``, ``note``, ``by_seed``. All in [0, 1].
    """
    ids = sorted(labels)
    classes = sorted(set(labels.values()))
    truth = np.array([classes.index(labels[name]) for name in ids])
    who = np.array([speakers[name] for name in ids])
    right = {
        protocol: np.array([[guess[name] == labels[name] for name in ids] for guess in of_seeds], dtype=np.float64)
        for protocol, of_seeds in predicted.items()
    }
    hits = {protocol: every.mean(axis=0) for protocol, every in right.items()}
    both = [hits[protocol] for protocol in PROTOCOLS]
    left_out = statistics.leave_one_out(partial(_figures, n_classes=len(classes)), who, truth, *both)
    found = statistics.intervals(left_out, (statistics.SHARE, statistics.SHARE, statistics.DIFFERENCE))
    figures = [
        {"ua": float(value), "interval": None if one.borders is None else list(one.borders), "note": one.note}
        for value, one in zip(left_out.values, found, strict=True)
    ]
    result: dict[str, Any] = {
        "n": len(ids),
        "n_speakers": len(set(who.tolist())),
        "seeds": len(right[PROTOCOLS[0]]),
        "classes": classes,
        "chance": 1 / len(classes),
        "majority": float(np.bincount(truth).max() / len(ids)),
        "why_no_interval": next((one.note for one in found if one.borders is None), None),
        "method": statistics.method(left_out),
        "protocols": {},
    }
    for place, protocol in enumerate(PROTOCOLS):
        result["protocols"][protocol] = {
            **figures[place],
            "by_seed": [_mean_recall(truth, one) for one in right[protocol]],
            "recalls": dict(zip(classes, _recalls(truth, hits[protocol]).tolist(), strict=True)),
        }
    pairs = zip(*(result["protocols"][protocol]["by_seed"] for protocol in PROTOCOLS), strict=True)
    result["difference"] = {
        **figures[-1],
        "by_seed": [random - disjoint for random, disjoint in pairs],
    }
    return result


def _figures(truth: np.ndarray, random: np.ndarray, disjoint: np.ndarray, *, n_classes: int) -> tuple[float, float, float]:
    """UA of both protocols and their difference; nan where the truth lacks a class."""
    if len(set(truth.tolist())) < n_classes:
        return (float("nan"),) * 3
    uas = _mean_recall(truth, random), _mean_recall(truth, disjoint)
    return (*uas, uas[0] - uas[1])


def _recalls(truth: np.ndarray, hits: np.ndarray) -> np.ndarray:
    """Recall of each class that occurs."""
    counts = np.bincount(truth)
    return np.bincount(truth, weights=hits)[counts > 0] / counts[counts > 0]


def _mean_recall(truth: np.ndarray, hits: np.ndarray) -> float:
    """UA from the share of seeds that got each utterance right; over the classes that occur."""
    return float(_recalls(truth, hits).mean())
