import hashlib
import json
import shutil

import pytest

from featurekit.inspection import to_croissant
from featurekit.store import open_store

LABELS = {"labels-score": "sc:Float"}


@pytest.fixture
def described(tiny_store):
    return to_croissant(tiny_store)


def test_it_says_what_croissant_1_0_asks_of_a_dataset(described):
    assert described["conformsTo"] == "http://mlcommons.org/croissant/1.0"
    assert described["@type"] == "sc:Dataset"
    for key in ("name", "description", "license", "version", "url", "creator", "datePublished", "distribution", "recordSet"):
        assert described[key]
    assert described["@context"]["@vocab"] == "https://schema.org/"


def test_files_are_there_with_the_digest_that_is_stated(described, tiny_store):
    manifest, shards = described["distribution"]
    data = (tiny_store / manifest["contentUrl"]).read_bytes()
    assert hashlib.sha256(data).hexdigest() == manifest["sha256"]
    assert list(tiny_store.glob(shards["includes"]))


def test_every_field_comes_from_a_column_that_the_manifest_has(described, tiny_store):
    manifest = described["distribution"][0]
    lines = (tiny_store / manifest["contentUrl"]).read_text().splitlines()
    present = set().union(*(json.loads(line) for line in lines))
    for field in described["recordSet"][0]["field"]:
        assert field["source"]["extract"]["column"] in present
        assert field["source"]["fileObject"]["@id"] == manifest["@id"]
        assert field["@id"] == f"utterances/{field['name']}"


def test_every_id_is_used_once(described):
    ids = [part["@id"] for part in (*described["distribution"], *described["recordSet"], *described["recordSet"][0]["field"])]
    assert len(set(ids)) == len(ids)


def test_raw_labels_of_one_text_or_number_are_fields_of_their_own(described):
    kinds = {field["name"]: field["dataType"] for field in described["recordSet"][0]["field"]}
    assert {name: kind for name, kind in kinds.items() if name.startswith("labels")} == LABELS


# mlcroissant calls parts of rdflib and pandas that are on their way out.
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_mlcroissant_accepts_it_without_a_word_and_reads_every_record(described, tiny_store, tmp_path, caplog):
    mlcroissant = pytest.importorskip("mlcroissant")
    copy = shutil.copytree(tiny_store, tmp_path / "store")
    (copy / "croissant.json").write_text(json.dumps(described))
    dataset = mlcroissant.Dataset(copy / "croissant.json")
    assert dataset.metadata.name == described["name"]
    assert not dataset.metadata.issues.errors
    assert all("citeAs" in warning for warning in dataset.metadata.issues.warnings)  # nobody has to cite the demo
    assert all("citeAs" in record.getMessage() for record in caplog.records)
    manifest = open_store(tiny_store).manifest
    records = list(dataset.records("utterances"))
    assert [record["utterances/id"].decode() for record in records] == manifest.ids
    assert [record["utterances/duration_s"] for record in records] == pytest.approx([item.duration_s for item in manifest])
    for name in LABELS:
        told = [record[f"utterances/{name}"] for record in records]
        held = [item.labels[name.removeprefix("labels-")] for item in manifest]
        assert [value.decode() if isinstance(value, bytes) else pytest.approx(value) for value in told] == held
