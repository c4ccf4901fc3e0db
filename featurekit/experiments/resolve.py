"""What a run's settings ask for, found in its store: the stores themselves, columns, task, split, context."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np

from featurekit import data, models, store
from featurekit.calls import called_name, parse_call
from featurekit.data import splits, windows
from featurekit.data.columns import named_columns
from featurekit.data.views.joined import JoinedStore, OpenedStore
from featurekit.data.views.store_view import StoreView
from featurekit.errors import ParameterError
from featurekit.experiments import transcripts
from featurekit.extraction.advice import command_that_adds
from featurekit.runs import RunSettings, TrainSettings

_OUTLIER = 20  # times the median: opinions in videos last up to 14 times theirs


def opened_store(settings: RunSettings) -> OpenedStore:
    """The store, or both as one.

    Raises
    ------
    ParameterError
        When something is said of a second store and none is given.
    """
    if settings.test_task and not settings.test_store:
        raise ParameterError(f"--test-task {settings.test_task} is the label scheme of --test-store, which is not given")
    if settings.common_classes and not settings.test_store:
        raise ParameterError("--common-classes is for two corpora, and --test-store is not given")
    opened = store.open_store(settings.store)
    return JoinedStore(opened, store.open_store(settings.test_store)) if settings.test_store else opened


def stored_columns(opened: OpenedStore, request: str | Sequence[str]) -> list[str]:
    """The store's names of what is asked for: a column's own name, or any feature or preset of the same key.

    Parameters
    ----------
    opened : Store or JoinedStore
    request : str or sequence of str
        As ``--features`` takes it.

    Returns
    -------
    list of str

    Raises
    ------
    ParameterError
        When the store lacks a column, with the command that adds it.
    UnknownNameError
        When nothing is called so.
    """
    return named_columns(opened, request, how_to_add=partial(_how_to_add, opened))


def _how_to_add(opened: OpenedStore, request: str) -> str:
    """The command that adds columns to the store; to each where there are two."""
    stores = opened.stores if isinstance(opened, JoinedStore) else (opened,)
    return "; ".join(command_that_adds(one, request) for one in stores)


def columns_of(settings: RunSettings, opened: OpenedStore, model: models.Model) -> list[str]:
    """The store's names of what a run reads; none where its model reads transcripts alone.

    Raises
    ------
    ParameterError, UnknownNameError
        As of :func:`stored_columns` and :func:`features_of_paper`; when a model of transcripts is given columns.
    """
    if transcripts.alone(model):
        transcripts.refuse_columns(settings)
        return []
    return stored_columns(opened, settings.features or features_of_paper(model))


def level_column(opened: OpenedStore, columns: Sequence[str], trim_db: float | None) -> str | None:
    """The column by whose level silence is cut, of the columns' clock where there is one.

    It is what :mod:`featurekit.data.views.trimmed` needs.

    Raises
    ------
    ParameterError
        When the store has no such column, or there are no frames to cut.
    """
    if trim_db is None:
        return None
    infos = [opened.columns[name] for name in columns]
    frames = [info for info in infos if info.kind == "frames"]
    whole = [info.name for info in infos if info.kind == "image"]
    if whole or not frames:
        got = f"{whole[0]} shows a whole utterance" if whole else "there is no column of frames to cut"
        raise ParameterError(f"trim_db is {trim_db:g}, which leaves out frames, and {got}; leave one of them out")
    found = [name for name, info in opened.columns.items() if info.kind == "frames" and called_name(info.spec) == "rms"]
    if not found:
        raise ParameterError(
            f"trim_db is {trim_db:g}, which needs the level of each frame, and {opened.path} has no column rms; "
            f"add it: {_how_to_add(opened, 'rms')}"
        )
    clock = (frames[0].hop_s, frames[0].start_s)
    return next((name for name in found if (opened.columns[name].hop_s, opened.columns[name].start_s) == clock), found[0])


def as_read(
    opened: OpenedStore, columns: Sequence[str], level: str | None, training: TrainSettings, speaker_from: str
) -> StoreView:
    """The store as it is read: as it is, without the silence at the ends of utterances, standardised within speakers.

    Raises
    ------
    ParameterError
        When an image is to be standardised within speakers, or a speaker has a single utterance.
    """
    view: StoreView = opened
    if level is not None and training.trim_db is not None:
        view = data.TrimmedStore(view, training.trim_db, level)
    if training.normalise != "speaker":
        return view
    images = [name for name in columns if opened.columns[name].kind == "image"]
    if images:
        raise ParameterError(f"normalise is speaker, which is for frames and vectors, and {images[0]} is an image")
    return data.SpeakerNormalisedStore(view, speaker_from)


def features_of_paper(model: models.Model) -> str:
    """What the model's paper reads, for a run that names no features.

    Raises
    ------
    ParameterError
        When the model names none.
    """
    if not model.features:
        raise ParameterError(f"{model.name} names no features of its own; say which columns it shall read: --features …")
    return model.features


def outlier_note(lengths: Mapping[str, int]) -> str | None:
    """What utterances (id → frames) far longer than the others cost, since a batch is padded to its longest; or None.

    >>> outlier_note({"a": 100, "b": 120, "c": 90}) is None
    True
    """
    if not lengths:
        return None
    longest, median = max(lengths, key=lambda name: lengths[name]), float(np.median(list(lengths.values())))
    if lengths[longest] < _OUTLIER * max(1.0, median):
        return None
    return (
        f"{longest} has {lengths[longest]:,} frames, where half of the utterances have at most {median:,.0f}, and a batch is "
        f"padded to its longest: cut all, as by --set training.n_frames={4 * median:.0f}, or leave it out"
    )


def split_request(settings: RunSettings, opened: OpenedStore) -> str:
    """``--split`` as it was said; with two stores it is cross-corpus between them.

    Raises
    ------
    ParameterError
        When two stores are to be split in another way.
    """
    if not isinstance(opened, JoinedStore) or splits.is_file(settings.split):
        return settings.split
    kind, own = parse_call(settings.split)
    if kind not in ("cross-corpus", RunSettings.split):
        raise ParameterError(
            f"with --test-store the split is cross-corpus, with its dev as in cross-corpus(dev=0.2); got {kind}"
        )
    own = {"train_on": opened.prefixes[0], "test_on": opened.prefixes[1], **own}
    return f"cross-corpus({', '.join(f'{name}={value!r}' for name, value in own.items())})"


def reads_text(kinds: Sequence[str], opened: StoreView, columns: Sequence[str]) -> bool:
    """Whether a model that reads these kinds of inputs sees what is said: words, or the states of a speech recogniser."""
    return "text" in kinds or any("asr_encoder" in opened.columns[name].spec for name in columns)


def context_size(settings: RunSettings, opened: StoreView, model: models.Model) -> int:
    """Utterances in a window: as many as were asked for, else the model's own where the corpus has conversations.

    Raises
    ------
    ParameterError
        For a window that has no middle, or whole recordings for a model that reads windows.
    """
    if settings.context is None:
        return model.context if has_conversations(opened) else 1
    if settings.context == windows.WHOLE:
        if model.context != windows.WHOLE:
            raise ParameterError(f"context is 0, which is the whole recording, and {model.name} reads windows")
        return windows.WHOLE
    windows.check_size(settings.context)
    return settings.context


def context_notes(settings: RunSettings, opened: OpenedStore, model: models.Model, context: int) -> list[str]:
    """What a corpus without conversations makes of a model's context."""
    if context == 1 and settings.context is None and model.context != 1:
        what = f"windows of {model.context} utterances" if model.context else "whole recordings"
        reads = f"{model.name} reads {what}, and {opened.corpus}"
        return [f"{reads} has no conversations: C is 1, each utterance is judged alone"]
    if context > 1 and not has_conversations(opened):
        return [f"{opened.corpus} has no conversations: of the {context} utterances of a window only one is there"]
    return []


def has_conversations(opened: StoreView) -> bool:
    """Whether a recording holds several utterances, so that there is context; augmented children are none of them."""
    recordings = [utterance.recording for utterance in opened.manifest if not utterance.parent]
    return len(set(recordings)) < len(recordings)
