"""A store as Croissant 1.0 (https://docs.mlcommons.org/croissant/docs/croissant-spec.html), written by hand as JSON-LD.

The manifest of the generation is a file of JSON lines with a record set over its fields; the shards are a file set of HDF5
files, which Croissant has no way to look into: their columns are described in words.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from featurekit import audio, store
from featurekit.inspection.cards import make_card
from featurekit.manifest import Utterance
from featurekit.store.schema import HEADS, MANIFESTS, SHARDS

CONFORMS_TO = "http://mlcommons.org/croissant/1.0"
_CONTEXT: Mapping[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataBiases": "cr:dataBiases",
    "dataCollection": "cr:dataCollection",
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "personalSensitiveInformation": "cr:personalSensitiveInformation",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
_LICENCES = {
    r"CC BY-NC-SA 4\.0": "https://creativecommons.org/licenses/by-nc-sa/4.0/",
    r"CC BY-NC-ND 4\.0": "https://creativecommons.org/licenses/by-nc-nd/4.0/",
    r"CC BY-NC 4\.0": "https://creativecommons.org/licenses/by-nc/4.0/",
    r"CC BY-SA 4\.0": "https://creativecommons.org/licenses/by-sa/4.0/",
    r"CC BY 4\.0": "https://creativecommons.org/licenses/by/4.0/",
    r"CC0": "https://creativecommons.org/publicdomain/zero/1.0/",
}
# Field of the manifest → (data type, what it is); only those that some utterance has are described.
_FIELDS = {
    "id": ("sc:Text", "Unique name of the utterance."),
    "path": ("sc:Text", "Audio file, relative to the corpus's root."),
    "start": ("sc:Float", "Beginning of the segment in seconds."),
    "end": ("sc:Float", "End of the segment in seconds."),
    "recording": ("sc:Text", "Conversation, video or file the utterance is part of."),
    "position": ("sc:Integer", "Order inside the recording."),
    "speaker": ("sc:Text", "Who speaks."),
    "gender": ("sc:Text", "Gender of the speaker."),
    "language": ("sc:Text", "ISO 639-1 code."),
    "text": ("sc:Text", "What is said."),
    "duration_s": ("sc:Float", "Length in seconds."),
    "fingerprint": ("sc:Text", "Digest of the input: the file's bytes and what is taken of them."),
}


def to_croissant(path: str | Path) -> dict[str, Any]:
    """Describe a store in Croissant 1.0.

    Parameters
    ----------
    path : str or Path
        The store; addresses in the description are relative to it.

    Returns
    -------
    dict
        JSON-LD.

    Raises
    ------
    StoreNotFoundError, StoreError, CorruptStoreError
        As :func:`featurekit.store.open_store`.
    """
    opened, card = store.open_store(path), make_card(path)
    corpus = card["corpus"]
    return {
        "@context": dict(_CONTEXT),
        "@type": "sc:Dataset",
        "conformsTo": CONFORMS_TO,
        "name": re.sub(r"[^A-Za-z0-9_.-]+", "-", f"{corpus['name']}-features"),
        "description": _description(card),
        "version": f"{opened.generation}.0.0",
        # A store has no address and no author: its digest stands for the one, the program that made it for the other.
        "url": f"urn:sha256:{opened.digest}",
        "creator": {"@type": "sc:Organization", "name": card["store"]["created_by"]},
        "datePublished": _published(opened),
        "license": _licence(corpus.get("licence", "")),
        **({"citeAs": corpus["citation"]} if corpus.get("citation") else {}),
        **({"inLanguage": corpus["languages"]} if corpus.get("languages") else {}),
        "keywords": ["speech", "emotion", "sentiment", "acoustic features"],
        "isLiveDataset": False,
        "distribution": _distribution(opened),
        "recordSet": [_utterances(opened)],
    }


def _description(card: Mapping[str, Any]) -> str:
    counts, columns = card["counts"], ", ".join(f"{column['name']} ({column['dims']})" for column in card["columns"])
    return (
        f"Acoustic features of {card['corpus']['title']}: {counts['utterances']} utterances of {counts['speakers']} speakers, "
        f"{card['seconds'].get('total', 0.0):.0f} s. Columns (dimensions): {columns}. Store digest {card['store']['digest']}."
    )


def _published(opened: store.Store) -> str:
    """Day on which the generation's head was written."""
    written_s = (opened.path / HEADS / f"{opened.generation}.json").stat().st_mtime
    return datetime.datetime.fromtimestamp(written_s, datetime.UTC).date().isoformat()


def _licence(licence: str) -> str:
    """The address of a licence that has one, else its words."""
    return next((url for pattern, url in _LICENCES.items() if re.search(pattern, licence)), licence or "unknown")


def _distribution(opened: store.Store) -> list[dict[str, Any]]:
    manifest = f"{MANIFESTS}/{opened.head.manifest_digest}.jsonl"
    file = opened.path / manifest
    return [
        {
            "@type": "cr:FileObject",
            "@id": "manifest",
            "name": "manifest",
            "description": "The utterances, one a line.",
            "contentUrl": manifest,
            "contentSize": f"{file.stat().st_size} B",
            "encodingFormat": "application/jsonlines",
            "sha256": audio.hash_file(file),
        },
        {
            "@type": "cr:FileSet",
            "@id": "shards",
            "name": "shards",
            "description": "HDF5 files of ragged feature matrices; index/utt_id and index/offset say which rows are whose.",
            "encodingFormat": "application/x-hdf5",
            "includes": f"{SHARDS}/*.h5",
        },
    ]


def _utterances(opened: store.Store) -> dict[str, Any]:
    unset = Utterance(id="", path="")  # what a line of the manifest leaves out
    present = {name for name in _FIELDS if any(getattr(item, name) != getattr(unset, name) for item in opened.manifest)}
    fields = [
        _field(name, kind, description, {"extract": {"column": name}})
        for name, (kind, description) in _FIELDS.items()
        if name in present
    ]
    fields += [
        # Croissant takes no objects: a raw label is what a path finds in the object that holds them all.
        _field(
            f"labels-{re.sub(r'[^A-Za-z0-9_.]+', '-', key)}",
            kind,
            f"Raw label {key!r} as the corpus gives it.",
            {"extract": {"column": "labels"}, "transform": {"jsonPath": f"$.'{key}'"}},
        )
        for key, kind in sorted(_label_types(opened).items())
    ]
    return {
        "@type": "cr:RecordSet",
        "@id": "utterances",
        "name": "utterances",
        "description": "One record an utterance.",
        "key": {"@id": "utterances/id"},
        "field": fields,
    }


def _field(name: str, kind: str, description: str, source: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "@type": "cr:Field",
        "@id": f"utterances/{name}",
        "name": name,
        "description": description,
        "dataType": kind,
        "source": {"fileObject": {"@id": "manifest"}, **source},
    }


def _label_types(opened: store.Store) -> dict[str, str]:
    """Raw label → data type, of those that are one text or number; lists and raters stay in the manifest alone."""
    kinds: dict[str, set[str]] = {}
    for utterance in opened.manifest:
        for key, value in utterance.labels.items():
            kind = next((name for of, name in _SCALARS if isinstance(value, of) and not isinstance(value, bool)), "")
            kinds.setdefault(key, set()).add(kind)
    found = {}
    for key, known in kinds.items():
        if known == {"sc:Integer", "sc:Float"}:
            known = {"sc:Float"}
        if len(known) == 1 and "" not in known and "'" not in key:
            found[key] = known.pop()
    return found


_SCALARS = ((str, "sc:Text"), (int, "sc:Integer"), (float, "sc:Float"))
