from featurekit.corpora import CORPORA, Defect
from featurekit.inspection.errata import mark_known
from featurekit.inspection.findings import Finding, Item, Severity

RAVDESS = CORPORA.get("ravdess").corpus.defects
PAIR = Item(("Actor_07/03-01-03-01-02-01-07.wav", "Actor_07/03-01-03-01-02-02-07.wav"))
OTHER = Item(("Actor_01/03-01-03-01-02-01-01.wav", "Actor_02/03-01-03-01-02-02-02.wav"))
HALF = Item(("Actor_07/03-01-03-01-02-01-07.wav", "Actor_02/03-01-03-01-02-02-02.wav"))


def test_a_known_defect_is_split_off_and_is_no_error():
    finding = Finding("same-bytes", Severity.ERROR, "{n} [group|groups]", (PAIR, OTHER, HALF))
    known, unknown, published = mark_known([finding], RAVDESS)
    assert (known.severity, known.items, known.sentence) == (Severity.WARNING, (PAIR,), "1 group")
    assert "Zenodo" in known.known
    assert (unknown.severity, unknown.items, unknown.known) == (Severity.ERROR, (OTHER, HALF), "")
    assert published.check == "published"


def test_the_same_names_in_another_corpus_or_check_are_not_known():
    for check, corpus in (("same-bytes", "emodb"), ("truncated", "ravdess")):
        finding = Finding(check, Severity.ERROR, "{n} groups", (PAIR,))
        assert next(mark_known([finding], CORPORA.get(corpus).corpus.defects)) == finding


def test_an_id_with_a_dot_and_a_file_are_known_by_the_name_that_is_stated():
    defect = Defect("holds nothing", source="its authors", names=("a.b", "c"), checks=("empty",))
    finding = Finding("empty", Severity.ERROR, "{n} files", (Item(("a.b",)), Item(("wav/c.wav",)), Item(("wav/a.wav",))))
    known, unknown = mark_known([finding], [defect])
    assert [item.names for item in known.items] == [("a.b",), ("wav/c.wav",)]
    assert [item.names for item in unknown.items] == [("wav/a.wav",)]
    assert known.known == "a.b, c: holds nothing (its authors)"


def test_a_defect_is_said_once_beside_what_was_found_or_else_at_the_end():
    stated = [Defect("one", source="s", names=("a",), checks=("empty",)), Defect("two", source="s")]
    found, published = mark_known([Finding("empty", Severity.ERROR, "{n} files", (Item(("a.wav",)),))], stated)
    assert found.known == "a: one (s)"
    assert [str(item) for item in published.items] == ["two (s)"]
    assert list(mark_known([], [])) == []


def test_the_checks_that_defects_name_are_checks_of_the_doctor():
    from pathlib import Path

    import featurekit.inspection as room

    source = "".join(
        path.read_text(encoding="utf-8") for path in Path(room.__file__).parent.glob("*.py") if path.stem != "errata"
    )
    for recipe in CORPORA:
        for defect in recipe.corpus.defects:
            for check in defect.checks:
                assert f'"{check}"' in source, f"{recipe.name}: {check}"
