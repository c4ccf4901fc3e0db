"""Who speaks, where other tools' manifests say it of all utterances, of some or of none."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import replace

from featurekit.corpora._cells import Survey
from featurekit.manifest import Utterance

_TORN = ("\n", "\r", "\t")
_MOST_SHOWN = 3
_logger = logging.getLogger(__name__)


def speaker_name(value: object) -> str:
    """A speaker as a manifest gives it; empty where it gives none. The number 0 is a name.

    >>> speaker_name(0), speaker_name(None), speaker_name(" anna ")
    ('0', '', 'anna')
    """
    return "" if value is None else str(value).strip()


def _say_words(utterances: Iterable[Utterance]) -> None:
    survey, torn = Survey(), list[str]()
    for item in utterances:
        if any(sign in item.text.strip() for sign in _TORN):
            torn.append(item.id)
        for name, value in (("speaker", item.speaker), *item.labels.items()):
            if isinstance(value, str) and value:
                survey.see(name, value)
    for warning in survey.warnings():
        _logger.warning("%s", warning)
    if torn:
        texts = "1 text has" if len(torn) == 1 else f"{len(torn)} texts have"
        shown = ", ".join(map(repr, torn[:_MOST_SHOWN])) + (", …" if torn[_MOST_SHOWN:] else "")
        _logger.warning(
            "%s line breaks or tabs: a quotation mark may have swallowed rows of the table that they were made from, whose "
            "utterances are lost; look at %s",
            *(texts, shown),
        )


def with_stand_ins(utterances: Iterable[Utterance]) -> list[Utterance]:
    """Utterances as they are where at least one names a speaker; else each recording stands in for one, and a warning says it.

    Speakers and labels that are words for "no value" are warned of, and texts that hold line breaks or tabs.

    An unknown speaker stays unknown beside known ones: a recording in their place would be taken for one of them.
    """
    found = list(utterances)
    _say_words(found)
    if not found or any(item.speaker for item in found):
        return found
    _logger.warning("no utterance names a speaker: each recording stands in for one")
    return [replace(item, speaker=item.recording) for item in found]
