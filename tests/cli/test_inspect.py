import json
import shutil

import pytest
from click.testing import CliRunner

from featurekit.cli import main
from featurekit.inspection import Finding, Report, Severity, machine


def run(*arguments, code=0):
    result = CliRunner().invoke(main, [str(item) for item in arguments])
    assert result.exit_code == code, (result.output, result.exception)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.output


@pytest.fixture
def corpus(tiny_corpus, tmp_path):
    """The tiny corpus as one of one's own, so that no number of utterances is expected."""
    copy = tmp_path / "corpus"
    shutil.copytree(tiny_corpus, copy)
    return copy


def test_doctor_of_a_corpus_that_is_not_whole_exits_1_and_says_why(corpus):
    said = run("doctor", "--corpus", "demo", "--root", corpus, code=1)
    assert "error: 36 utterances; demo has 672 (default)  [count]" in said
    assert "1 error, 0 warnings" in said


def test_doctor_answers_in_json(corpus):
    (corpus / "pointer.wav").write_text("version https://git-lfs.github.com/spec/v1\n")
    record = json.loads(run("doctor", corpus, "--json", code=1))
    assert record["ok"] is False
    assert [finding["check"] for finding in record["findings"] if finding["severity"] == "error"] == ["lfs-pointer"]


def test_the_json_of_a_report_keeps_its_shape(corpus):
    """Programs read it: a key may be added here and in docs/corpora.md, none renamed or taken away."""
    record = json.loads(run("doctor", "--corpus", "demo", "--root", corpus, "--json", code=1))
    assert list(record) == ["subject", "ok", "errors", "warnings", "notes", "facts", "findings"]
    assert [type(value) for value in record.values()] == [str, bool, int, int, int, dict, list]
    assert record["errors"] == sum(finding["severity"] == "error" for finding in record["findings"])
    facts = (
        "utterances expected variant recordings speakers labels files decoded seconds duration_s sample_rate channels format"
    )
    assert list(record["facts"]) == facts.split()
    for finding in record["findings"]:
        assert set(finding) - {"known"} == {"check", "severity", "text", "items"}
        assert finding["severity"] in ("error", "warning", "note")
        for item in finding["items"]:
            assert set(item) == {"names", "detail"}


def test_a_human_ceiling_is_printed_with_the_facts(tmp_path):
    line = '{{"path":"{0}.wav","emotion":"sad","speaker":"{0}","raters":{{"1":["sad"],"2":["happy"]}}}}\n'
    (tmp_path / "m.jsonl").write_text("".join(line.format(name) for name in "ab"))
    said = run("doctor", "--corpus", "lhotse", "--root", tmp_path, "--manifest", "m.jsonl", code=1)
    assert "agreement: task emotion, utterances 2, weighted 0.50, unweighted 0.50, by_class (sad 0.50)" in said


def test_doctor_of_a_store_in_good_order_exits_0(tiny_store):
    assert "nothing is wrong" in run("doctor", tiny_store)


def test_doctor_without_arguments_looks_at_the_machine(monkeypatch):
    monkeypatch.setattr(machine, "_gpu", lambda versions: {"driver": [], "torch": ""})
    assert "this machine" in run("doctor")


def test_doctor_refuses_a_wrong_use(tmp_path, corpus):
    assert "ravdess is a corpus: give --corpus ravdess" in run("doctor", "ravdess", code=2)
    assert "FOLDER alone" in run("doctor", corpus, "--corpus", "demo", code=2)
    assert "belong to --corpus" in run("doctor", "--root", corpus, code=2)
    assert "did you mean" in run("doctor", "--corpus", "demp", "--root", corpus, code=2)
    assert "there is nothing at" in run("doctor", tmp_path / "no", code=2)


def test_long_findings_are_cut_unless_all_is_asked_for(tmp_path):
    for number in range(13):
        (tmp_path / f"{number:02}.wav").write_bytes(b"")
    assert "… and 3 more: --all" in run("doctor", tmp_path, code=1)
    assert "12.wav" in run("doctor", tmp_path, "--all", code=1)


def test_names_that_are_not_utf8_do_not_stop_the_doctor(monkeypatch, tmp_path):
    from featurekit import inspection
    from featurekit.inspection import Item

    report = Report("x", findings=[Finding("odd", Severity.NOTE, "{n} name", (Item(("a\udcff.wav",)),))])
    monkeypatch.setattr(inspection, "inspect_folder", lambda path, **how: report)
    assert "a?.wav" in run("doctor", tmp_path)


def test_card_goes_to_the_screen_or_into_files(tiny_store, tmp_path):
    assert run("card", tiny_store).startswith("# ")
    assert json.loads(run("card", tiny_store, "--json"))["counts"]["utterances"] == 36
    run("card", tiny_store, "-o", tmp_path / "card.md", "--croissant", tmp_path / "croissant.json")
    assert (tmp_path / "card.md").read_text().startswith("# ")
    assert json.loads((tmp_path / "croissant.json").read_text())["@type"] == "sc:Dataset"


def test_card_of_no_store_is_wrong_use(tmp_path):
    assert "is a folder, and card takes a store" in run("card", tmp_path, code=2)
