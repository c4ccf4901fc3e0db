"""Parquet tables of the custom corpus; pyarrow is not needed by anything else."""

from __future__ import annotations

import sys

import pytest

from featurekit.corpora import read_corpus
from featurekit.corpora._table import read_table
from featurekit.errors import ManifestError, MissingDependencyError
from featurekit.manifest import Manifest


def parquet(file, /, **columns):
    pyarrow = pytest.importorskip("pyarrow")
    pytest.importorskip("pyarrow.parquet").write_table(pyarrow.table(columns), file)
    return file


def test_types_are_kept_and_gaps_are_no_values(tmp_path):
    path = parquet(
        tmp_path / "m.parquet",
        path=["a.wav", "b.wav"],
        label=[1, None],
        start=[None, 1.5],
        position=[2.0, float("nan")],
        arousal=[0.25, float("nan")],
        code=["01", ""],
        raters=[["sad"], None],
    )
    first, second = read_table(path)
    assert (first.id, first.position, first.labels) == (
        "a",
        2,
        {"label": "1", "arousal": 0.25, "code": "01", "raters": ["sad"]},
    )
    assert (second.id, second.start, second.labels) == ("b_1.5_", 1.5, {})


def test_the_custom_corpus_finds_it_and_a_manifest_may_be_one(tmp_path):
    parquet(tmp_path / "labels.parquet", path=["a.wav"], speaker=["anna"])
    assert read_corpus("custom", tmp_path)["a"].speaker == "anna"
    parquet(tmp_path / "more.parquet", path=["b.wav"])
    assert read_corpus("custom", tmp_path, manifest="more.parquet").ids == ["b"]


def test_a_broken_table_names_file_and_row(tmp_path):
    with pytest.raises(ManifestError, match=r"m.parquet: row 2: lacks a path"):
        list(read_table(parquet(tmp_path / "m.parquet", path=["a.wav", None])))
    with pytest.raises(ManifestError, match=r"m.parquet: two utterances have the id 'a': number 1, a.wav, and number 2, a.wav"):
        Manifest(read_table(parquet(tmp_path / "m.parquet", path=["a.wav", "a.wav"])), where="m.parquet")
    with pytest.raises(ManifestError, match="there is no table"):
        list(read_table(tmp_path / "none.parquet"))
    (tmp_path / "m.parquet").write_bytes(b"PAR1 not really PAR1")
    with pytest.raises(ManifestError, match="not a Parquet file that can be read"):
        list(read_table(tmp_path / "m.parquet"))


def test_without_pyarrow_the_message_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    (tmp_path / "m.parquet").write_bytes(b"")
    with pytest.raises(MissingDependencyError, match=r"pip install 'featurekit\[tables\]', or save it as CSV"):
        list(read_table(tmp_path / "m.parquet"))


def test_names_that_are_numbers_are_text_and_pandas_index_is_passed_over(tmp_path):
    numbers = {"path": ["a.wav", "b.wav", "c.wav"], "speaker_id": [7.0, None, 8.0], "__index_level_0__": [0, 1, 2]}
    utterances = list(read_table(parquet(tmp_path / "m.parquet", **numbers)))
    assert [(item.speaker, item.labels) for item in utterances] == [("7", {}), ("", {}), ("8", {})]
