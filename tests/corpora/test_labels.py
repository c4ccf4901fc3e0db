"""What recipes share: strict cells, strict tables, and no vote that is not there."""

from __future__ import annotations

import logging
import math
import re

import pytest

from featurekit.corpora import _labels
from featurekit.errors import ManifestError


def test_a_table_gives_its_rows_by_column_with_their_place(tmp_path):
    (tmp_path / "t.csv").write_text('\ufeffname,note\n\na,"x,\ny"\nb, z \n', encoding="utf-8")
    assert list(_labels.records(tmp_path / "t.csv", ("name",))) == [
        (f"{tmp_path}/t.csv:4", {"name": "a", "note": "x,\ny"}),
        (f"{tmp_path}/t.csv:5", {"name": "b", "note": "z"}),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"t.csv:1: lacks the column 'name'; the first line names nothing"),
        ("note\n", r"t.csv:1: lacks the column 'name'; the first line names note"),
        ("name,note\na\n", r"t.csv:2: 1 cells for 2 columns \(name, note\)"),
        ("name,note\na,b,c\n", r"t.csv:2: 3 cells for 2 columns"),
    ],
)
def test_a_table_that_is_not_as_it_should_be_names_file_and_line(tmp_path, text, message):
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(ManifestError, match=message):
        list(_labels.records(tmp_path / "t.csv", ("name",)))


@pytest.mark.parametrize("cell", ["", "one", "nan", "inf", "-1", "4", "1e999"])
def test_a_number_is_finite_and_in_range(cell):
    with pytest.raises(ManifestError, match="here: score"):
        _labels.number(cell, "score", "here", 0, 3)
    assert _labels.number("3", "score", "here", 0, 3) == 3.0
    assert _labels.number("-1e9", "score", "here") == -1e9


@pytest.mark.parametrize("cell", ["", "-1", "1.5", "²", "٣", "1e3"])
def test_a_whole_number_is_ascii_digits(cell):
    with pytest.raises(ManifestError, match="here: age must be a whole number >= 0"):
        _labels.whole(cell, "age", "here")
    assert _labels.whole("007", "age", "here") == 7


def test_the_majority_is_whoever_has_more_than_everybody_else():
    assert _labels.majority(["a", "b", "a"], "?") == "a"
    assert _labels.majority(["a", "b", "b", "a", "c"], "?") == "?"
    assert _labels.majority([], "?") == "?"


def test_times_that_cannot_be_are_told_apart_and_named(caplog):
    impossible = _labels.ImpossibleSpans()
    spans = [(-0.46, 1), (2, 1), (math.nan, 1), (0, 1), (1, 1)]
    assert [impossible.has(start, end, f"t.csv:{line}") for line, (start, end) in enumerate(spans, 2)] == [
        *(True, True, True),
        *(False, False),
    ]
    with caplog.at_level(logging.WARNING):
        impossible.say()
        _labels.ImpossibleSpans().say()  # nothing
    assert caplog.messages == [
        "3 segments are left out, since the times cannot be: t.csv:2: the segment runs from -0.46 s to 1 s; t.csv:3: the "
        "segment runs from 2 s to 1 s; t.csv:4: the segment runs from nan s to 1 s"
    ]


def test_names_and_repetitions_are_refused_by_name():
    with pytest.raises(ManifestError, match=r"'a\\udce9.wav': not a name of this corpus, which has names like b1.wav"):
        list(_labels.coded(["a\udce9.wav"], re.compile(r"b\d"), "b1.wav"))
    seen = {}
    _labels.once(seen, "x", "t.csv:1")
    with pytest.raises(ManifestError, match=r"t.csv:9: 'x' is there twice, first in t.csv:1"):
        _labels.once(seen, "x", "t.csv:9")
