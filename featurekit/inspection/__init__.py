"""What is on this disk, and what is wrong with it: the doctor and the data card.

A visit (:func:`inspect_corpus`, :func:`inspect_folder`, :func:`inspect_store`, :func:`inspect_machine`) gives a
:class:`Report` of findings, each an error (would change results), a warning or a note. ``sounds`` reads the files, in
parallel and in constant memory; ``tree``, ``tables``, ``utterances`` and ``hearing`` judge; ``errata`` knows what
everybody's copy has. :func:`make_card` describes a store for people, :func:`to_croissant` for machines.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from featurekit.inspection.cards import make_card, to_markdown
    from featurekit.inspection.croissant import to_croissant
    from featurekit.inspection.findings import Finding, Item, Report, Severity
    from featurekit.inspection.machine import inspect_machine
    from featurekit.inspection.places import forecast_visit, inspect_corpus, inspect_folder
    from featurekit.inspection.stores import inspect_store

# Imported when they are first used: a verb's help needs none of them.
_MODULE_OF = {
    "Finding": "findings",
    "Item": "findings",
    "Report": "findings",
    "Severity": "findings",
    "forecast_visit": "places",
    "inspect_corpus": "places",
    "inspect_folder": "places",
    "inspect_machine": "machine",
    "inspect_store": "stores",
    "make_card": "cards",
    "to_croissant": "croissant",
    "to_markdown": "cards",
}

__all__ = [
    "Finding",
    "Item",
    "Report",
    "Severity",
    "forecast_visit",
    "inspect_corpus",
    "inspect_folder",
    "inspect_machine",
    "inspect_store",
    "make_card",
    "to_croissant",
    "to_markdown",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'featurekit.inspection' has no attribute {name!r}")
    return getattr(importlib.import_module(f"featurekit.inspection.{_MODULE_OF[name]}"), name)
