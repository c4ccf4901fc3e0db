"""Paths as people and their machines write them, and the files that they mean."""

from __future__ import annotations

import json
import logging
import os
import unicodedata

import pytest

from featurekit.corpora import read_corpus
from featurekit.corpora._names import Names
from featurekit.errors import ManifestError


@pytest.fixture
def read(tmp_path, caplog):
    """Paths that a table's paths are read as, and what was said."""

    def paths(*written, files=()):
        for name in files:
            place = tmp_path / "corpus" / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(b"")
        (tmp_path / "corpus" / "any").mkdir(parents=True, exist_ok=True)
        (tmp_path / "t.csv").write_text("id,path\n" + "".join(f"u{n},{path}\n" for n, path in enumerate(written)), "utf-8")
        caplog.clear()
        with caplog.at_level(logging.WARNING):
            found = read_corpus("custom", tmp_path / "corpus", manifest=tmp_path / "t.csv")
        return [item.path for item in found], caplog.text

    return paths


@pytest.mark.parametrize(("form", "other"), [("NFC", "NFD"), ("NFD", "NFC")])
def test_a_name_is_found_in_either_unicode_form(read, form, other):
    on_disk, in_table = (f"Jürgen/{word}/Müller_01.wav" for word in ("ä", "ä"))
    on_disk, in_table = unicodedata.normalize(form, on_disk), unicodedata.normalize(other, in_table)
    assert on_disk != in_table
    paths, said = read(in_table, "ö/none.wav", files=[on_disk])
    assert paths == [on_disk, "ö/none.wav"]
    assert "1 of the paths are in another form than the file's name" in said


@pytest.mark.parametrize(
    "on_disk", ["M├╝ller.wav", "MÃ¼ller.wav", os.fsdecode(b"M\x81ller.wav"), os.fsdecode(b"M\xfcller.wav")]
)
def test_a_name_that_a_zip_tool_mangled_is_found(read, on_disk):
    paths, said = read("a/Müller.wav", files=[f"a/{on_disk}"])
    assert paths == [f"a/{on_disk}"]
    assert "mangled by a zip tool" in said


def test_an_id_is_spelt_as_the_table_has_it(tmp_path):
    (tmp_path / unicodedata.normalize("NFD", "Müller.wav")).write_bytes(b"")
    (tmp_path / "t.csv").write_text("path,start,end\nMüller.wav,0,1\n", "utf-8")
    (item,) = read_corpus("custom", tmp_path, manifest="t.csv")
    assert (item.id, item.recording) == ("Müller_0_1", "Müller")


def test_a_name_that_is_there_as_written_stays(read):
    twins = [unicodedata.normalize(form, "Müller.wav") for form in ("NFC", "NFD")]
    assert read(*twins, files=twins) == (twins, "")


def test_backslashes_are_slashes_unless_they_are_in_a_name(read):
    paths, said = read("anna\\x.wav", "odd\\name.wav", files=["anna/x.wav", "odd\\name.wav"])
    assert paths == ["anna/x.wav", "odd\\name.wav"]
    assert "1 of the paths have backslashes and are read as what they mean" in said


def test_an_absolute_path_below_the_root_is_taken_from_there(read, tmp_path, monkeypatch):
    root = tmp_path / "corpus"
    monkeypatch.setenv("HOME", str(tmp_path))
    paths, said = read(f"{root}/a/x.wav", "~/corpus/b.wav")
    assert paths == ["a/x.wav", "b.wav"]
    assert "2 of the paths are absolute" in said
    (tmp_path / "link").symlink_to(root)
    (tmp_path / "t.csv").write_text(f"path\n{root}/a/x.wav\n{tmp_path}/link/c.wav\n", "utf-8")  # both names of the root
    assert [item.path for item in read_corpus("custom", tmp_path / "link", manifest=tmp_path / "t.csv")] == ["a/x.wav", "c.wav"]


def test_one_file_has_one_spelling(read):
    assert read("./a/x.wav", "a//y.wav", "a/./z.wav") == (["a/x.wav", "a/y.wav", "a/z.wav"], "")


def test_ids_are_stems_where_they_are_unique_and_else_paths(tmp_path, caplog):
    table = tmp_path / "t.csv"
    table.write_text("path\na/n01.wav\nb/n02.wav\n", "utf-8")
    assert read_corpus("custom", tmp_path, manifest=table).ids == ["n01", "n02"]
    table.write_text("path\na\\n01.wav\nb\\n01.wav\nb/n02.wav\n", "utf-8")
    with caplog.at_level(logging.WARNING):
        assert read_corpus("custom", tmp_path, manifest=table).ids == ["a/n01", "b/n01", "b/n02"]
    assert "several files have one name: the id is the path without suffix" in caplog.text
    table.write_text("path,start,end\na/n01.wav,0,1\na/n01.wav,1,2\nb/n01.wav,0,1\n", "utf-8")
    assert read_corpus("custom", tmp_path, manifest=table).ids == ["a/n01_0_1", "a/n01_1_2", "b/n01_0_1"]
    table.write_text("path,id\na/n01.wav,x\nb/n01.wav,y\n", "utf-8")
    assert read_corpus("custom", tmp_path, manifest=table).ids == ["x", "y"]


@pytest.mark.parametrize("written", ["a/../b/u.wav", "../speech/b/u.wav", "./a/.././b/u.wav"])
def test_a_path_that_goes_up_and_comes_back_is_one_below_the_root(tmp_path, written):
    (tmp_path / "speech").mkdir()
    names = Names(tmp_path / "speech")
    assert names.paths(written) == ("b/u.wav", "b/u.wav")
    assert list(names.notes()) == [
        f"1 of the paths go up by '..' and come back and are read as what they mean, as {written!r} as 'b/u.wav'"
    ]


@pytest.mark.parametrize("written", ["../u.wav", "a/../../u.wav", "../speech2/u.wav"])
def test_a_path_that_leads_out_stays_as_it_is(tmp_path, written):
    (tmp_path / "speech").mkdir()
    assert Names(tmp_path / "speech").paths(written) == (written, written)
    assert Names(None).paths("a/../../u.wav") == ("a/../../u.wav", "a/../../u.wav")


@pytest.mark.parametrize("root_there", ["/home/me/corpus/", "C:\\data\\", "D:/", "/", "file:///Users/me/"])
def test_an_absolute_path_of_another_machine_is_found_by_its_end(tmp_path, root_there):
    for name in ("a/x.wav", "b/y.wav"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    names = Names(tmp_path)
    sign = "\\" if "\\" in root_there else "/"
    assert [
        names.paths(f"{root_there}{name}".replace("/", sign) if sign != "/" else f"{root_there}{name}")[0]
        for name in (*("a/x.wav", "b/y.wav", "b/missing.wav"),)
    ] == ["a/x.wav", "b/y.wav", "b/missing.wav"]
    assert any("are absolute and are read as what they mean" in note for note in names.notes())


def test_absolute_paths_of_one_table_have_one_beginning(tmp_path):
    (tmp_path / "001.wav").write_bytes(b"")
    names = Names(tmp_path)
    assert names.paths("/corpus/happy/001.wav")[0] == "001.wav"
    assert names.paths("/corpus/sad/001.wav")[0] == "/corpus/sad/001.wav"  # not the same file once more


def tables(kind, folder, path):
    """A table of a kind with one path in it, and what names it in an error."""
    if kind == "custom":
        (folder / "t.csv").write_text(f"id,path\nu,{path}\n", "utf-8")
    elif kind == "emobox":
        (folder / "t.jsonl").write_text(json.dumps({"key": "u", "wav": path}), "utf-8")
    elif kind == "audformat":
        (folder / "db.yaml").write_text("tables: {t: {columns: {e: {}}}}", "utf-8")
        (folder / "db.t.csv").write_text(f"file,e\n{path},x\n", "utf-8")
    else:
        recording = {"id": "r", "sources": [{"type": "file", "channels": [0], "source": path}], "duration": 1.0}
        (folder / "recordings.jsonl").write_text(json.dumps(recording), "utf-8")
    return {"manifest": "t.csv"} if kind == "custom" else {}


@pytest.mark.parametrize("kind", ["custom", "emobox", "audformat", "lhotse"])
@pytest.mark.parametrize("written", ["/home/ann/hindi/clips/x_1.mp3", "C:\\data\\clips\\x_1.mp3", "C:/data/clips/x_1.mp3"])
def test_an_absolute_path_that_lacks_a_folder_is_refused_with_the_place_of_the_file(tmp_path, kind, written):
    for name, hint in (
        ("cv-25/hi/clips/x_1.mp3", "; the only x_1.mp3 there is 'cv-25/hi/clips/x_1.mp3': write the paths so"),
        ("cv-24/hi/clips/x_1.mp3", ""),  # two of one name: nobody can say which
    ):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_bytes(b"")
        with pytest.raises(
            ManifestError, match=r":[12]: .*path .* must be relative and stay inside the corpus's root"
        ) as error:
            read_corpus(kind, tmp_path, **tables(kind, tmp_path, written))
        assert str(error.value).endswith(hint or f"{str(tmp_path)!r}")


@pytest.mark.parametrize(
    ("written", "on_disk"), [("a%20b/x%C3%BC.wav", "a b/xü.wav"), ("file:a/x.wav", "a/x.wav"), ("a/ü.wav", "a/#U00fc.wav")]
)
def test_escapes_and_addresses_are_names(tmp_path, written, on_disk):
    (tmp_path / on_disk).parent.mkdir()
    (tmp_path / on_disk).write_bytes(b"")
    assert Names(tmp_path).paths(written)[1] == on_disk
    (tmp_path / "50%25.wav").write_bytes(b"")
    assert Names(tmp_path).paths("50%25.wav")[1] == "50%25.wav"


def test_stems_in_two_unicode_forms_are_one_name(tmp_path):
    (tmp_path / "t.csv").write_text("path\na/\u00fc.wav\nb/u\u0308.wav\n", "utf-8")
    assert read_corpus("custom", tmp_path, manifest=tmp_path / "t.csv").ids == ["a/\u00fc", "b/u\u0308"]
