"""What every corpus owes, whoever wrote it: facts, a stable order, unique ids, and help when it is not there."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import random

import pytest

from featurekit import corpora
from featurekit.corpora import CORPORA, Corpus, explain, locate, read_corpus
from featurekit.data import tasks
from featurekit.errors import CorpusNotFoundError, FeaturekitError, ManifestError, ParameterError, UnknownNameError
from featurekit.manifest import Manifest

NAMES = CORPORA.names()


@pytest.fixture(params=NAMES)
def name(request):
    return request.param


# No corpus in particular: they read what somebody wrote down.
GENERIC = {"custom", "demo", "folders", "audformat", "lhotse", "emobox"}


def test_every_corpus_has_a_miniature(makers):
    assert set(NAMES) == set(makers)
    assert set(makers) >= GENERIC | {"emodb", "iemocap", "mosi", "ravdess", "swbd_sentiment"}


def test_facts_are_complete(name):
    facts = CORPORA.get(name).corpus
    assert facts.name == name
    for field in ("title", "licence", "obtain", "tree", "default_task", "default_features"):
        assert getattr(facts, field).strip(), field
    assert facts.labels
    assert "<root>/" in facts.tree
    assert facts.speaker_source in ("corpus", "recording")
    for defect in facts.defects:
        assert defect.text.strip()
        assert defect.source.strip()
        assert defect.names or not defect.checks
    if name not in GENERIC:
        assert facts.citation
        assert facts.default_task in tasks.names()
        assert facts.languages
        assert sum(facts.expected.values()) > 0


def test_the_recipe_shows_the_tree_and_the_page_shows_the_facts(name):
    recipe = CORPORA.get(name)
    assert "<root>/" in recipe.utterances.__doc__
    page = explain(name)
    facts = recipe.corpus
    for fact in (facts.title, facts.licence, facts.obtain, "<root>/", facts.default_features, *map(str, facts.defects)):
        assert fact in page


def test_a_miniature_reads_in_a_stable_order_with_unique_ids_and_files_that_exist(name, miniature, makers):
    root = miniature(name)
    first, again = read_corpus(name, root), read_corpus(name, str(root))
    assert first.utterances == again.utterances
    assert len(set(first.ids)) == len(first) > 0
    known = set(CORPORA.get(name).corpus.labels)
    if not any(label.startswith("<") for label in known):
        assert {label for utterance in first for label in utterance.labels} <= known
    for utterance in first:
        assert (root / utterance.path).is_file()
        assert utterance.speaker or name in ("lhotse", "msp_podcast")  # some are unknown beside one that is known
    classes = CORPORA.get(name).corpus.classes
    assert not classes or {utterance.labels["emotion"] for utterance in first} <= set(classes)
    first.write(root / "written.jsonl")
    assert Manifest.read(root / "written.jsonl").utterances == first.utterances


def test_a_moved_corpus_keeps_its_digest(name, miniature, makers, tmp_path):
    before = read_corpus(name, miniature(name)).digest
    (tmp_path / name).rename(tmp_path / "moved")
    assert read_corpus(name, tmp_path / "moved").digest == before


def test_a_missing_root_says_what_to_get_from_whom_and_which_tree(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FEATUREKIT_CORPORA", raising=False)
    (tmp_path / "empty").mkdir()
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "notes.txt").write_text("nothing")
    facts = CORPORA.get(name).corpus
    for root, reason in (
        (None, "no folder was given"),
        ("none", "there is no folder"),
        ("empty", "is empty"),
        ("other", "holds no"),
    ):
        with pytest.raises(CorpusNotFoundError) as caught:
            read_corpus(name, root)
        assert reason in str(caught.value)
        assert facts.obtain in str(caught.value)
        assert facts.tree.strip("\n").splitlines()[-1] in str(caught.value)
        assert f"--corpus {name} --root" in str(caught.value)
        assert isinstance(caught.value, FileNotFoundError)


def test_an_unknown_corpus_suggests_the_nearest():
    for call in (read_corpus, locate, explain):
        with pytest.raises(UnknownNameError, match="did you mean ravdess"):
            call("ravdes")


def test_the_root_may_come_from_the_environment(miniature, monkeypatch):
    root = miniature("emodb")
    monkeypatch.setenv("FEATUREKIT_CORPORA", str(root.parent))
    assert locate("emodb") == root
    assert len(read_corpus("emodb")) == 3


def test_a_manifest_replaces_the_recipes_own_search(miniature, tmp_path):
    root = miniature("emodb")
    whole = read_corpus("emodb", root)
    part = whole.filter(lambda utterance: utterance.speaker == "03")
    part.write(tmp_path / "part.jsonl")
    assert read_corpus("emodb", root, manifest=tmp_path / "part.jsonl").utterances == part.utterances
    part.write(root / "inside.jsonl")
    assert read_corpus("emodb", root, manifest="inside.jsonl").digest == part.digest
    with pytest.raises(ManifestError, match="there is no table"):
        read_corpus("emodb", root, manifest="none.jsonl")


def test_a_stranger_joins_and_a_name_is_taken_once(monkeypatch):
    monkeypatch.setattr(corpora.CORPORA, "_members", dict(corpora.CORPORA._members))
    facts = dataclasses.replace(CORPORA.get("emodb").corpus, name="stranger")

    @corpora.recipe(facts)
    def utterances(root):
        """<root>/"""
        return iter(())

    assert CORPORA.get("stranger") is utterances
    with pytest.raises(ParameterError, match="are called 'emodb'"):
        corpora.recipe(CORPORA.get("emodb").corpus)(utterances.utterances)


def test_facts_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        CORPORA.get("mosi").corpus.name = "x"
    assert Corpus.__doc__


BROKEN = (
    b"nan",
    b"-1",
    b"",
    b"1e999",
    b"../x",
    b"\xff",
    b"\0",
    b"\t",
    b",",
    b'"',
    b"\n",
    b"{",
    b"[]",
    b"null",
    b"\xe4\xb8",
    b";",
)


def test_a_table_with_broken_bytes_is_read_or_refused_and_nothing_else(name, miniature):
    root = miniature(name)
    tables = sorted(path for path in root.rglob("*") if path.is_file() and path.suffix not in (".wav", ".flac", ".sph", ".mp3"))
    rng = random.Random(name)
    for _ in range(25 if tables else 0):
        table = rng.choice(tables)
        whole = table.read_bytes()
        start = rng.randrange(len(whole))
        table.write_bytes(whole[:start] + rng.choice(BROKEN) + whole[start + rng.choice((0, 1, 5)) :])
        with contextlib.suppress(FeaturekitError):
            read_corpus(name, root)
        table.write_bytes(whole)


def test_a_file_name_that_is_not_utf8_is_kept_or_refused_in_words_that_print(name, miniature):
    root = miniature(name)
    first = root / read_corpus(name, root).utterances[0].path
    (first.parent / os.fsdecode(b"caf\xe9.wav")).write_bytes(b"")
    words = ""
    try:
        read_corpus(name, root).write(root / "written.jsonl")
    except FeaturekitError as error:
        words = str(error)
    assert words.encode() is not None  # a lone surrogate would not print
