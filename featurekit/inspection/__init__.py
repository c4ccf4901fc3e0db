"""What is on this disk, and what is wrong with it: the doctor and the data card.

A visit (:func:`inspect_corpus`, :func:`inspect_folder`, :func:`inspect_store`, :func:`inspect_machine`) gives a
:class:`Report` of findings, each an error (would change results), a warning or a note. ``sounds`` reads the files, in
parallel and in constant memory; ``tree``, ``tables``, ``utterances`` and ``hearing`` judge; ``errata`` knows what
everybody's copy has. :func:`make_card` describes a store for people, :func:`to_croissant` for machines.
"""

from featurekit.inspection.cards import make_card, to_markdown
from featurekit.inspection.croissant import to_croissant
from featurekit.inspection.findings import Finding, Item, Report, Severity
from featurekit.inspection.machine import inspect_machine
from featurekit.inspection.places import forecast_visit, inspect_corpus, inspect_folder
from featurekit.inspection.stores import inspect_store

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
