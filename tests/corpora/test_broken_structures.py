"""Manifests and headers whose values are of the wrong kind are read or refused, and nothing else."""

from __future__ import annotations

import contextlib
import copy
import json
import random

import pytest

from featurekit.corpora import read_corpus
from featurekit.data.splits.foreign import read_folds
from featurekit.errors import FeaturekitError

WRONG = (None, 3, "x", [], {}, [3], {"a": 1}, -1.5, True, "", [None], {"x": None}, 1e300)
HEADER = {
    "languages": ["deu"],
    "schemes": {
        "emotion": {"dtype": "str", "labels": ["anger", "sad"]},
        "speaker": {"dtype": "str", "labels": "people"},
        "text": {"dtype": "str", "labels": {"q": "a sentence", "w": {"text": "another"}}},
        "valence": {"dtype": "float", "minimum": 1},
    },
    "splits": {"train": {"type": "train"}},
    "tables": {
        "emotion": {"split_id": "train", "columns": {"emotion": {"scheme_id": "emotion"}, "text": {"scheme_id": "text"}}}
    },
    "misc_tables": {"people": {"levels": {"speaker": "str"}, "columns": {"gender": {}}}},
}


def places(value, place=()):
    """Every place in nested lists and mappings but the whole."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield (*place, key)
        yield from places(inner, (*place, key))


def spoilt(whole, rng):
    """A copy with one value that is of another kind, or is not there."""
    whole = copy.deepcopy(whole)
    *way, last = rng.choice(list(places(whole)))
    inner = whole
    for key in way:
        inner = inner[key]
    if isinstance(inner, dict) and rng.random() < 0.2:
        del inner[last]
    else:
        inner[last] = copy.deepcopy(rng.choice(WRONG))
    return whole


def read(name, root):
    """Read it and its lists of ids; the package's own errors are what may happen."""
    with contextlib.suppress(FeaturekitError):
        manifest = read_corpus(name, root)
        if name == "lhotse":
            read_folds(root, manifest)


@pytest.mark.parametrize("seed", range(4))
def test_lhotses_manifests(load_miniatures, tmp_path, seed):
    rng = random.Random(seed)
    cut = load_miniatures().LHOTSE_CUT
    cut = {**cut, "recording": {**cut["recording"], "transforms": [{"name": "Speed", "kwargs": {"factor": 1.1}}]}}
    silence = {"cut": {"id": "p", "duration": 1.0, "type": "PaddingCut"}, "type": "PaddingCut"}
    mixed = {"id": "m", "type": "MixedCut", "tracks": [{"cut": cut, "type": "MonoCut"}, silence]}
    for _ in range(60):
        (tmp_path / "cuts_train.jsonl").write_text(json.dumps(spoilt(rng.choice((cut, mixed)), rng)))
        read("lhotse", tmp_path)
    (tmp_path / "cuts_train.jsonl").unlink()
    for _ in range(60):
        (tmp_path / "recordings_train.jsonl").write_text(json.dumps(spoilt(cut["recording"], rng)))
        (tmp_path / "supervisions_train.jsonl").write_text(json.dumps(spoilt(cut["supervisions"][0], rng)))
        read("lhotse", tmp_path)


@pytest.mark.parametrize("seed", range(4))
def test_the_header_of_audformat(tmp_path, seed):
    yaml = pytest.importorskip("yaml")
    rng = random.Random(seed)
    (tmp_path / "db.emotion.csv").write_text("file,emotion,speaker,text,valence\na.wav,anger,p,q,1\nb.wav,sad,p,w,2\n")
    (tmp_path / "db.people.csv").write_text("speaker,gender\np,f\n")
    for _ in range(60):
        (tmp_path / "db.yaml").write_text(yaml.safe_dump(spoilt(HEADER, rng)))
        read("audformat", tmp_path)
