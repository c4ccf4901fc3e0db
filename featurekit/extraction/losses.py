"""What an extraction would take out of a store that is there; without ``replace`` it is refused.

A store of 48 utterances into which another table is extracted would hold that table alone. That is what a person wants
who made the table shorter, and a loss for one whose second corpus got the first one's folder. The counts tell which.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from featurekit import audio, store
from featurekit.errors import ParameterError, StoreError
from featurekit.extraction.fingerprints import MISSING
from featurekit.manifest import Manifest, Utterance


@dataclass(frozen=True)
class Losses:
    """What would be lost, in utterances that have values today.

    Parameters
    ----------
    had : int
        Utterances that have a value in any column.
    removed : int
        Those that the new manifest does not name.
    children : str
        The perturbations to ask for again, where every removed one is a child; else empty.
    missing : int
        Those that it names, whose audio file is no longer there.
    changed : int
        Those that it names, whose audio is another.
    generation : int
        The one that has them all.
    """

    had: int = 0
    removed: int = 0
    children: str = ""
    missing: int = 0
    changed: int = 0
    generation: int = 0

    @property
    def serious(self) -> bool:
        """Whether somebody has to agree. A few changed files are repairs; more than half are another corpus."""
        return bool(self.removed or self.missing or 2 * self.changed > self.had)

    def describe(self, out: Path) -> str:
        """The counts in words: "would remove 48 of the 48 utterances that cache/x has"."""
        parts = []
        if self.removed:
            parts.append(f"would remove {self.removed} of the {self.had} utterances that {out} has")
        if self.missing:
            parts.append(f"would lose the values of {self.missing} of the {self.had}, whose audio is no longer there")
        if self.changed:
            parts.append(f"would replace the values of {self.changed} of the {self.had}, whose audio is another")
        return ", and ".join(parts)


def losses(out: Path, head: store.Head | None, manifest: Manifest) -> Losses:
    """What a store would lose by this manifest.

    Parameters
    ----------
    out : Path
        The store.
    head : Head or None
        Its latest generation.
    manifest : Manifest
        Where it has no fingerprints yet, only what is removed is counted.
    """
    if head is None or head.manifest_digest == manifest.digest:
        return Losses()
    try:
        opened = store.open_store(out)
        valued = np.any([opened.status(name) == 0 for name in opened.columns], axis=0)
        had = [utterance for utterance, good in zip(opened.manifest, valued, strict=True) if good]
    except StoreError:
        return Losses()  # what is damaged is about to be healed: it cannot be read yet
    new = {utterance.id: utterance for utterance in manifest}
    removed = [utterance for utterance in had if utterance.id not in new]
    other = [new[old.id] for old in had if old.id in new and new[old.id].fingerprint not in ("", old.fingerprint)]
    missing = sum(item.fingerprint == _fingerprint_without_file(item) for item in other)
    perturbations = dict.fromkeys(utterance.perturbation for utterance in removed)
    return Losses(
        had=len(had),
        removed=len(removed),
        children="" if "" in perturbations else ",".join(perturbations),
        missing=missing,
        changed=len(other) - missing,
        generation=head.generation,
    )


def refuse(found: Losses, out: Path) -> None:
    """Refuse serious losses, with the counts and the ways on.

    Raises
    ------
    ParameterError
        When there are any.
    """
    if not found.serious:
        return
    question = ""
    if found.children:
        question = f"They are augmented children: --perturb '{found.children}' keeps them. "
    elif found.missing:
        question = "Is the disk with the audio mounted, and is --root the right folder? "
    raise ParameterError(
        f"this {found.describe(out)}; nothing was changed. {question}Choose another folder with --output, or agree with "
        f"--replace; `featurekit store revert {out}` is the way back from that"
    )


def _fingerprint_without_file(utterance: Utterance) -> str:
    return audio.fingerprint(MISSING, utterance.start, utterance.end, utterance.channel, utterance.perturbation)
