"""The rules of the tasks: how a raw label becomes a class, and which raw labels are numbers to be predicted as they are.

A rule answers for one raw value at a time (``class_of``), so that the same rule reads the corpus's label and each rater's
choice. The sentiment rules read ``score`` in [-3, 3], as CMU-MOSI has it; the others gather a corpus's own labels into classes
or cut a rating scale in three. ``gender`` reads no raw label but a field of the manifest.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

from featurekit.manifest import Utterance, one_form

EXCLUDED = ""  # the class of what a task's definition leaves out (a score of 0, say)
FIELDS = ("gender",)  # what a task reads of the manifest itself; everything else is a raw label


@dataclass(frozen=True)
class Words:
    """Each raw label is a class of its own.

    Parameters
    ----------
    key : str
        The raw label, or one of :data:`FIELDS`.
    """

    key: str
    classes: ClassVar[tuple[str, ...]] = ()
    takes: ClassVar[str] = "any text"

    @property
    def description(self) -> str:
        """The rule in words."""
        read = f"the manifest's {self.key}" if self.key in FIELDS else f"the raw label {self.key!r}"
        return f"{read}; classes are those of the manifest, sorted"

    def class_of(self, raw: object) -> str:
        """The raw value as text, in Unicode form NFC: one word in two forms is one class."""
        return one_form(str(raw))


@dataclass(frozen=True)
class Gathering:
    """Classes made of several raw labels.

    Parameters
    ----------
    key : str
        The raw label.
    groups : mapping of str to tuple of str
        Class → the raw values in it.
    left_out : tuple of str
        Raw values that are in no class on purpose.
    """

    key: str
    groups: Mapping[str, tuple[str, ...]]
    left_out: tuple[str, ...]

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names in order."""
        return tuple(self.groups)

    @property
    def takes(self) -> str:
        """Every raw value there is a rule for."""
        return ", ".join([*(item for labels in self.groups.values() for item in labels), *self.left_out])

    @property
    def description(self) -> str:
        """The rule in words."""
        rules = ", ".join(f"{' or '.join(labels)} → {name}" for name, labels in self.groups.items())
        return f"the raw label {self.key!r}: {rules}; {', '.join(self.left_out)} are left out"

    def class_of(self, raw: object) -> str | None:
        """The class, :data:`EXCLUDED` for what is left out, None for a value the corpus should not have."""
        found = next((name for name, labels in self.groups.items() if raw in labels), None)
        return EXCLUDED if found is None and raw in self.left_out else found


@dataclass(frozen=True)
class Cut:
    """A number cut into classes.

    Parameters
    ----------
    key : str
        The raw label.
    classes : tuple of str
        From low to high.
    description : str
        The rule in words.
    cut : callable
        Number → class number; None leaves it out.
    """

    key: str
    classes: tuple[str, ...]
    description: str
    cut: Callable[[float], int | None]
    takes: ClassVar[str] = "a finite number"

    def class_of(self, raw: object) -> str | None:
        """The class, :data:`EXCLUDED` for what is left out, None for what is no finite number."""
        value = finite(raw)
        if value is None:
            return None
        index = self.cut(value)
        return EXCLUDED if index is None else self.classes[index]


@dataclass(frozen=True)
class Ratings:
    """Numbers to be predicted as they are.

    Parameters
    ----------
    keys : tuple of str
        The raw labels, in the order of a model's outputs.
    scale : tuple of float
        Lowest and highest rating.
    strata : str
        The cut whose classes stand for the ratings where classes are needed: to stratify a split.
    """

    keys: tuple[str, ...]
    scale: tuple[float, float]
    strata: str

    @property
    def description(self) -> str:
        """The rule in words."""
        low, high = self.scale
        told = ", ".join(map(repr, self.keys))
        return (
            f"the raw {'labels' if len(self.keys) > 1 else 'label'} {told} as given, on a scale of {low:g} to {high:g}; "
            f"splits are stratified by {self.strata}"
        )


Classifying = Words | Gathering | Cut


def raw_value(utterance: Utterance, key: str) -> Any:
    """What a rule reads of an utterance: a raw label, or a field of the manifest; None where it is empty or not there."""
    value = getattr(utterance, key) if key in FIELDS else utterance.labels.get(key)
    return None if value == "" else value


def finite(raw: object) -> float | None:
    """A raw value that is a finite number; None for any other, text and booleans among them."""
    is_number = isinstance(raw, (int, float)) and not isinstance(raw, bool)
    return float(raw) if is_number and math.isfinite(raw) else None  # type: ignore[arg-type]


def _from_zero(score: float) -> int:
    return int(score >= 0)


def _around_zero(score: float) -> int | None:
    return int(score > 0) if score else None


def _halves(score: float) -> int:
    return int(score > -0.5) + int(score >= 0.5)


def _rounded(score: float, *, limit: int) -> int:
    clipped = min(max(score, -limit), limit)
    # Python and numpy round halves to even, which would call 0.5 neutral and 1.5 positive: two rules for one scale.
    return limit + int(math.copysign(math.floor(abs(clipped) + 0.5), clipped))


def _third(rating: float, *, low: float, high: float) -> int:
    step = (high - low) / 3
    return 1 - int(rating < low + step) + int(rating > high - step)


def _thirds(key: str, low: float, high: float) -> Cut:
    rule = f"the raw label {key!r} on its scale of {low:g} to {high:g}, cut into equal thirds; a border is middle"
    return Cut(key, ("low", "middle", "high"), rule, partial(_third, low=low, high=high))


_POLES = ("negative", "neutral", "positive")
_FIVE = ("strongly negative", "negative", "neutral", "positive", "strongly positive")
_SEVEN = (*_FIVE[:2], "weakly negative", "neutral", "weakly positive", *_FIVE[3:])
_IEMOCAP4 = {"angry": ("ang",), "happy": ("hap", "exc"), "neutral": ("neu",), "sad": ("sad",)}
_IEMOCAP6 = {"angry": ("ang",), "excited": ("exc",), "frustrated": ("fru",), "happy": ("hap",), "neutral": ("neu",)}
_MSP8 = ("angry", "contempt", "disgust", "fear", "happy", "neutral", "sad", "surprise")
_RARE = ("fea", "sur", "dis", "oth", "xxx")
_IEMOCAP_SCALE, _MSP_SCALE = (1.0, 5.0), (1.0, 7.0)
_IEMOCAP_DIMENSIONS, _MSP_DIMENSIONS = ("valence", "activation", "dominance"), ("valence", "arousal", "dominance")

CLASSIFYING: dict[str, Classifying] = {
    "emotion": Words("emotion"),
    "label": Words("label"),
    "gender": Words("gender"),
    "sentiment2": Cut(
        "score",
        ("negative", "non-negative"),
        "score < 0 is negative, score >= 0 is non-negative (MMSA's Has0)",
        _from_zero,
    ),
    "sentiment2-nonzero": Cut(
        "score",
        ("negative", "positive"),
        "score < 0 against score > 0; a score of 0 is left out (MMSA's Non0)",
        _around_zero,
    ),
    "sentiment3": Cut("score", _POLES, "score <= -0.5 is negative, >= 0.5 is positive, else neutral", _halves),
    "sentiment5": Cut(
        "score", _FIVE, "score clipped to [-2, 2] and rounded, halves away from zero", partial(_rounded, limit=2)
    ),
    "sentiment7": Cut(
        "score", _SEVEN, "score clipped to [-3, 3] and rounded, halves away from zero", partial(_rounded, limit=3)
    ),
    "iemocap4": Gathering("emotion", _IEMOCAP4, ("fru", *_RARE)),
    "iemocap5": Gathering("emotion", {**_IEMOCAP4, "frustrated": ("fru",)}, _RARE),
    "iemocap6": Gathering("emotion", {**_IEMOCAP6, "sad": ("sad",)}, _RARE),
    "msp8": Gathering("emotion", {name: (name,) for name in _MSP8}, ("other", "no agreement")),
    "sentiment": Gathering("sentiment", {name: (name,) for name in _POLES}, ("no agreement",)),
    "moud2": Gathering("sentiment", {name: (name,) for name in _POLES if name != "neutral"}, ("neutral", "no agreement")),
    **{f"iemocap-{key}3": _thirds(key, *_IEMOCAP_SCALE) for key in _IEMOCAP_DIMENSIONS},
    **{f"msp-{key}3": _thirds(key, *_MSP_SCALE) for key in _MSP_DIMENSIONS},
}
RATINGS = {
    "sentiment-score": Ratings(("score",), (-3.0, 3.0), "sentiment3"),
    "iemocap-dimensions": Ratings(_IEMOCAP_DIMENSIONS, _IEMOCAP_SCALE, "iemocap-valence3"),
    "msp-dimensions": Ratings(_MSP_DIMENSIONS, _MSP_SCALE, "msp-valence3"),
}
