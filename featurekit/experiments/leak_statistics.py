"""The statistics of a leak: UA under both protocols, and their difference with an interval that is paired over speakers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from featurekit import metrics

PROTOCOLS = ("random", "speaker-disjoint")
LEVEL, N_RESAMPLES = 0.95, 2000


def compare_protocols(
    labels: Mapping[str, str], speakers: Mapping[str, str], predicted: Mapping[str, Sequence[Mapping[str, str]]]
) -> dict[str, Any]:
    """UA of both protocols and their difference, with intervals.

    A seed's UA is taken over all folds' predictions together, since each utterance is predicted once; the UA of a
    protocol is the mean over seeds. The intervals are percentiles of a bootstrap over **speakers**: the same drawn
    speakers count in both protocols, so the difference is paired. They say what other speakers of this kind would do to
    the numbers; the spread over seeds, which is given beside them, says what other folds would do, and is no interval:
    seeds share all their data.

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
        always answering it), ``why_no_interval`` (or None); ``protocols``: ``ua``, ``interval`` (or None), ``by_seed``,
        ``recalls``; ``difference``: ``ua``, ``interval``, ``by_seed``. All in [0, 1].
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
    why = metrics.too_few_speakers(len(set(who.tolist())))

    def interval(metric: Callable[..., float], *arrays: np.ndarray) -> list[float] | None:
        if why:
            return None
        return list(metrics.clustered_interval(metric, who, *arrays, level=LEVEL, n_resamples=N_RESAMPLES))

    result: dict[str, Any] = {
        "n": len(ids),
        "n_speakers": len(set(who.tolist())),
        "seeds": len(right[PROTOCOLS[0]]),
        "classes": classes,
        "chance": 1 / len(classes),
        "majority": float(np.bincount(truth).max() / len(ids)),
        "why_no_interval": why or None,
        "protocols": {},
    }
    for protocol in PROTOCOLS:
        result["protocols"][protocol] = {
            "ua": _mean_recall(truth, hits[protocol]),
            "interval": interval(_mean_recall, truth, hits[protocol]),
            "by_seed": [_mean_recall(truth, one) for one in right[protocol]],
            "recalls": dict(zip(classes, _recalls(truth, hits[protocol]).tolist(), strict=True)),
        }

    def difference(truth: np.ndarray, random: np.ndarray, disjoint: np.ndarray) -> float:
        return _mean_recall(truth, random) - _mean_recall(truth, disjoint)

    both = [hits[protocol] for protocol in PROTOCOLS]
    pairs = zip(*(result["protocols"][protocol]["by_seed"] for protocol in PROTOCOLS), strict=True)
    result["difference"] = {
        "ua": difference(truth, *both),
        "interval": interval(difference, truth, *both),
        "by_seed": [random - disjoint for random, disjoint in pairs],
    }
    return result


def _recalls(truth: np.ndarray, hits: np.ndarray) -> np.ndarray:
    """Recall of each class that occurs."""
    counts = np.bincount(truth)
    return np.bincount(truth, weights=hits)[counts > 0] / counts[counts > 0]


def _mean_recall(truth: np.ndarray, hits: np.ndarray) -> float:
    """UA from the share of seeds that got each utterance right; over the classes that occur."""
    return float(_recalls(truth, hits).mean())
