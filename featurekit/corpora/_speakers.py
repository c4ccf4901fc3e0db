"""Who speaks, where other tools' manifests say it of all utterances, of some or of none."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import replace

from featurekit.manifest import Utterance

_logger = logging.getLogger(__name__)


def speaker_name(value: object) -> str:
    """A speaker as a manifest gives it; empty where it gives none. The number 0 is a name.

    >>> speaker_name(0), speaker_name(None), speaker_name(" anna ")
    ('0', '', 'anna')
    """
    return "" if value is None else str(value).strip()


def with_stand_ins(utterances: Iterable[Utterance]) -> list[Utterance]:
    """Utterances as they are where at least one names a speaker; else each recording stands in for one, and a warning says it.

    An unknown speaker stays unknown beside known ones: a recording in their place would be taken for one of them.
    """
    found = list(utterances)
    if not found or any(item.speaker for item in found):
        return found
    _logger.warning("no utterance names a speaker: each recording stands in for one")
    return [replace(item, speaker=item.recording) for item in found]
