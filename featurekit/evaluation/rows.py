"""Rows of predictions as they are scored: checked, grouped, and made JSON-able."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from featurekit import statistics
from featurekit.errors import ParameterError

Scores = dict[str, float]
_FIELDS = ("id", "label", "predicted")


def checked(predictions: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The rows as a list.

    Raises
    ------
    ParameterError
        When there are none, a field is missing, or an id occurs twice in a fold.
    """
    rows = list(predictions)
    if not rows:
        raise ParameterError("there are no predictions to score")
    seen = set()
    for row in rows:
        if not isinstance(row, Mapping):
            raise ParameterError(
                f"expected rows as {{'id': …, 'label': …, 'predicted': …}}, one for each utterance; got {row!r:.60}: "
                "of two lists, make them by "
                "[{'id': i, 'label': t, 'predicted': p} for i, (t, p) in enumerate(zip(truth, predicted))]"
            )
        lacking = [name for name in _FIELDS if name not in row]
        if lacking:
            raise ParameterError(f"a prediction lacks {', '.join(lacking)}; got {', '.join(row)}")
        key = (str(row.get("fold", "0")), row["id"])
        if key in seen:
            raise ParameterError(f"{row['id']} is predicted twice in fold {key[0]}; score each utterance once a fold")
        seen.add(key)
    return rows


class Groups:
    """Who said what, in which fold."""

    def __init__(self, rows: Sequence[Mapping[str, Any]]) -> None:
        # Where nobody is named, each utterance is a speaker of its own; unknown ones beside known ones are one group.
        named = any(_name(row.get("speaker")) for row in rows)
        self.speakers = np.array([_name(row.get("speaker")) if named else str(row["id"]) for row in rows])
        self.genders = np.array([_name(row.get("gender")) for row in rows])
        self.folds = np.array([str(row.get("fold", "0")) for row in rows])

    @property
    def n_speakers(self) -> int:
        """How many speakers there are; unknown ones do not count."""
        return len(set(self.speakers.tolist()) - {""})

    def intervals(
        self,
        measured: Callable[..., Scores],
        *arrays: np.ndarray,
        scales: Mapping[str, statistics.Scale],
        level: float,
        notes: Mapping[str, str],
    ) -> dict[str, Any]:
        """(low, high) of each score of ``measured(*arrays)``, over speakers; ``level``, ``n_speakers``, ``method``.

        ``scales`` says what kind of figure a score is that is no share. A score has None where there is no interval.
        ``notes`` says why, or how else one was made, score by score; those given know better than what is found here. With too
        few speakers each is None, and ``why`` says so.
        """
        names, facts = list(measured(*arrays)), {"level": level, "n_speakers": self.n_speakers}
        if why := statistics.too_few_speakers(self.n_speakers):
            return {**dict.fromkeys(names), **facts, "why": why}
        left_out = statistics.leave_one_out(lambda *left: list(measured(*left).values()), self.speakers, *arrays)
        kinds = [scales.get(name, statistics.SHARE) for name in names]
        found = dict(zip(names, statistics.intervals(left_out, kinds, level=level), strict=True))
        said = {name: notes.get(name, one.note) for name, one in found.items() if one.note}
        borders = {name: one.borders for name, one in found.items()}
        return {**borders, **facts, "method": statistics.method(left_out), **({"notes": said} if said else {})}

    def by_fold(self, score: Callable[[np.ndarray], Scores]) -> dict[str, Any]:
        """``folds``: the scores of each; ``fold_mean``, ``fold_std``: their plain mean and sample deviation."""
        folds = {name: score(self.folds == name) for name in dict.fromkeys(self.folds.tolist())}
        keys = [key for key in next(iter(folds.values())) if key != "n"]
        values = {key: [fold[key] for fold in folds.values()] for key in keys}
        return {
            "folds": folds,
            "fold_mean": {key: _mean(values[key]) for key in keys},
            "fold_std": {key: float(np.std(values[key], ddof=1)) if len(folds) > 1 else float("nan") for key in keys},
        }

    def by_person(self, score: Callable[[np.ndarray], Scores], keys: Sequence[str]) -> dict[str, Any]:
        """``per_speaker``, ``per_gender``: these scores of each; utterances whose group is unknown ("") are left out."""
        result: dict[str, Any] = {}
        for title, groups in (("per_speaker", self.speakers), ("per_gender", self.genders)):
            scores = {name: score(groups == name) for name in sorted(set(groups.tolist()) - {""})}
            result[title] = {name: {key: found[key] for key in ("n", *keys)} for name, found in scores.items()}
        return result


def is_missing(value: Any) -> bool:
    """Whether a cell says nothing: None, or the NaN that pandas has for it."""
    return value is None or (isinstance(value, float) and math.isnan(value))


def _name(value: Any) -> str:
    """A speaker or gender as text, which may be given as a number; empty where nobody is named."""
    return "" if is_missing(value) else str(value)


def jsonable(value: Any) -> Any:
    """NaN → None, tuples → lists: JSON has neither."""
    if isinstance(value, dict):
        return {key: jsonable(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [jsonable(item) for item in value]
    return None if isinstance(value, float) and math.isnan(value) else value


def _mean(values: Sequence[float]) -> float:
    defined = [value for value in values if not math.isnan(value)]
    return float(np.mean(defined)) if defined else float("nan")
