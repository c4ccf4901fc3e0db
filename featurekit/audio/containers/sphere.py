"""NIST SPHERE, as the Linguistic Data Consortium distributes speech."""

from __future__ import annotations

from featurekit.audio.containers.recording import Recording, Source


def examine(source: Source) -> Recording:
    """What a SPHERE file holds."""
    return Recording()
