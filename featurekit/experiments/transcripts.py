"""Models that read transcripts: which utterances have one, what that makes of a run's identity, the words of a fold."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from featurekit import data, models
from featurekit.data.views.joined import OpenedStore
from featurekit.data.words import vocabulary, words_of
from featurekit.errors import ParameterError
from featurekit.runs import RunSettings

_OF_COLUMNS = ("n_frames", "normalise")  # settings of [training] that are of frames; trim_db is refused where it is used


def alone(member: models.Model) -> bool:
    """Whether a model reads transcripts and nothing else."""
    return member.reads == ("text",)


def refuse_columns(settings: RunSettings) -> None:
    """Refuse columns, and what is done with their values, for a model that reads transcripts alone.

    Raises
    ------
    ParameterError
        When the run names features, augmentations, or settings that are of frames.
    """
    of_columns = [name for name in _OF_COLUMNS if name in settings.training]
    if settings.augment:
        of_columns.append(f"augment = {list(settings.augment)}")
    if of_columns:
        raise ParameterError(
            f"{settings.model} reads transcripts alone, and {', '.join(of_columns)} would change nothing: leave it out"
        )
    if settings.features:
        raise ParameterError(
            f"{settings.model} reads transcripts alone, which every manifest may have: leave out --features {settings.features}"
        )


def usable_ids(opened: OpenedStore, columns: Sequence[str], member: models.Model) -> list[str]:
    """Ids that have what a model reads: values in the columns, or words in their text.

    Raises
    ------
    ParameterError
        When the model reads transcripts and no utterance has one.
    """
    silent = set(without_words(opened, member))
    if silent and len(silent) == len(opened.manifest):
        raise ParameterError(
            f"{member.name} reads transcripts, and no utterance of {opened.corpus} has one: make the store from a corpus with "
            "text, or a table of your own with a column `text`"
        )
    usable = data.usable_ids(opened, columns) if columns else opened.manifest.ids
    return [name for name in usable if name not in silent] if alone(member) else list(usable)


def without_words(opened: OpenedStore, member: models.Model) -> list[str]:
    """Ids of utterances that are no words to a model that reads transcripts; none for another model."""
    return [item.id for item in opened.manifest if not words_of(item.text)] if "text" in member.reads else []


def notes(opened: OpenedStore, member: models.Model) -> list[str]:
    """What a person should know of utterances without a transcript."""
    silent = without_words(opened, member)
    if not silent:
        return []
    then = "they are left out" if alone(member) else f"{member.name} knows them by their audio"
    shown = ", ".join(silent[:3]) + (", …" if len(silent) > 3 else "")
    return [f"{len(silent)} of {len(opened.manifest)} utterances have no transcript, {then}: {shown}"]


def said(opened: OpenedStore, ids: Iterable[str], member: models.Model) -> list[Any]:
    """What transcripts add to a run's identity: nothing where they are not read."""
    return [[[name, opened.manifest[name].text] for name in ids]] if "text" in member.reads else []


def training_words(opened: OpenedStore, ids: Iterable[str]) -> dict[str, int]:
    """Words of a training part with their numbers, which is what the model's state counts."""
    return vocabulary(opened.manifest[name].text for name in ids)
