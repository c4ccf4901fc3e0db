"""The doctor on the miniature of every recipe: what a recipe reads well is not called broken."""

import importlib.util
from pathlib import Path

import pytest

from featurekit.corpora import CORPORA
from featurekit.inspection import Severity, inspect_corpus

SOURCE = Path(__file__).parents[1] / "corpora" / "miniatures.py"


def load_makers():
    spec = importlib.util.spec_from_file_location("miniatures_for_the_doctor", SOURCE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.MAKERS


MAKERS = load_makers()


@pytest.mark.parametrize("name", sorted(set(MAKERS) & set(CORPORA.names())))
def test_a_miniature_is_only_too_small_and_of_one_tone(name, tmp_path):
    root = tmp_path / name
    root.mkdir()
    MAKERS[name](root)
    report = inspect_corpus(name, root, backend="serial")
    assert report.facts["utterances"] > 0
    errors = {finding.check for finding in report.findings if finding.severity is Severity.ERROR}
    assert errors <= {"count", "same-bytes"}  # all its files hold the same tone
    assert not {"id-odd", "id-blanks", "name-bytes", "label-unknown"} & {finding.check for finding in report.findings}


@pytest.mark.parametrize(
    ("name", "task", "share"),
    [
        ("chinese_sentiment", "sentiment3", 14 / 15),
        ("crema_d", "emotion", 1 / 2),
        ("iemocap", "iemocap4", 1.0),
        ("msp_podcast", "msp8", 1 / 2),
        ("swbd_sentiment", "sentiment", 5 / 6),
    ],
)
def test_the_human_ceiling_is_told_of_every_corpus_that_keeps_its_raters(name, task, share, tmp_path):
    root = tmp_path / name
    root.mkdir()
    MAKERS[name](root)
    found = inspect_corpus(name, root, backend="serial").facts["agreement"]
    assert (found["task"], found["weighted"]) == (task, pytest.approx(share))
    assert found["unweighted"] == pytest.approx(sum(found["by_class"].values()) / len(found["by_class"]))
