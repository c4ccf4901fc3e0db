"""CSV and TSV: no row is lost, whoever wrote the quotation marks."""

from __future__ import annotations

import csv
import io

import pytest

from featurekit.corpora._delimited import csv_rows, delimiter_of
from featurekit.errors import ManifestError

TEXTS = ["plain", '"Hello there', "fine", "so he said", 'and went home"', "it's"]


def put(tmp_path, text, name="t.tsv"):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8", newline="")
    return path


def cells(path, delimiter="\t"):
    return [row for _, row in csv_rows(path, delimiter)]


def test_a_tsv_without_quoting_keeps_every_row_and_every_mark(tmp_path):
    rows = [["path", "text"], *([f"u{n}.wav", text] for n, text in enumerate(TEXTS * 4))]
    path = put(tmp_path, "".join("\t".join(row) + "\n" for row in rows))
    assert cells(path) == rows


@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
def test_a_tsv_that_quotes_as_csv_does_is_unquoted(tmp_path, quoting):
    rows = [["path", "text"], ["a.wav", 'say "hi" now'], ["b.wav", "a\tb"], ["c.wav", "plain, with a comma"], ["d.wav", '"Oh"']]
    out = io.StringIO()
    csv.writer(out, delimiter="\t", quoting=quoting, lineterminator="\n").writerows(rows)
    assert cells(put(tmp_path, out.getvalue())) == rows


def test_a_whole_sentence_in_marks_keeps_them_where_nothing_needs_quoting(tmp_path):
    assert cells(put(tmp_path, 'path\ttext\na.wav\t"Hello there"\n'))[1] == ["a.wav", '"Hello there"']


def test_other_line_ends_and_invisible_signs_at_the_ends_of_cells_do_not_matter(tmp_path):
    assert cells(put(tmp_path, "path\tspeaker\r\n\ufeffa.wav\tanna\u00a0\u200b\r\n")) == [
        ["path", "speaker"],
        ["a.wav", "anna"],
    ]


def swallowed(text_first):
    """A CSV whose writer did not quote: one text opens a quotation mark, a later one closes it."""
    rows = [["path", "label", "text"], *([f"u{n}.wav", "x", text] for n, text in enumerate(TEXTS))]
    order = [2, 0, 1] if text_first else [0, 1, 2]
    if text_first:  # the closing mark has to end a cell
        rows[5][2] = 'home"'
    return "".join(",".join(row[place] for place in order) + "\n" for row in rows)


@pytest.mark.parametrize("text_first", [False, True])
def test_a_mark_that_swallows_rows_of_a_csv_is_an_error_with_its_line(tmp_path, text_first):
    with pytest.raises(ManifestError, match=r"t\.csv:3: "):
        cells(put(tmp_path, swallowed(text_first), "t.csv"), ",")


def test_a_swallowed_row_is_found_where_paths_have_no_suffix(tmp_path):
    text = 'path,label,text\na,x,"Oh\nb,x,no\nc,x,yes\nd,x,I see"\n'
    with pytest.raises(ManifestError, match=r"t\.csv:2: a quotation mark opens a cell here that runs over 4 lines"):
        cells(put(tmp_path, text, "t.csv"), ",")


def test_a_text_of_several_lines_is_a_cell_of_a_csv(tmp_path):
    rows = [
        ["path", "text", "label"],
        ["a.wav", "Well, no.\nI said, stop", "x"],
        ["b.wav", "first\nsecond, third\nfourth", "y"],
    ]
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    assert cells(put(tmp_path, out.getvalue(), "t.csv"), ",") == rows


def test_a_mark_that_is_never_closed_is_named_where_it_opens(tmp_path):
    with pytest.raises(ManifestError, match=r"t\.csv:2: not CSV: unexpected end of data; a quotation mark is not closed"):
        cells(put(tmp_path, 'path,text\na.wav,"Oh\nb,c\nd,e\n', "t.csv"), ",")


@pytest.mark.parametrize(
    ("text", "delimiter"),
    [
        ("path,label\n", ","),
        ("path;label\n", ";"),
        ("path|label\n", "|"),
        ("path\tlabel, raw, as said\n", "\t"),
        ("sep=;\npath;a\n", ";"),
    ],
)
def test_the_delimiter_is_what_the_first_line_has_most_of(tmp_path, text, delimiter):
    path = put(tmp_path, text, "t.tsv" if delimiter == "\t" else "t.csv")
    assert delimiter_of(path) == delimiter
    assert cells(path, delimiter)[0][0] == "path"


@pytest.mark.parametrize(("head", "what"), [(b"PK\x03\x04", "a spreadsheet"), (b"\xd0\xcf\x11\xe0", "an old Excel file")])
def test_a_spreadsheet_is_called_one(tmp_path, head, what):
    (tmp_path / "t.csv").write_bytes(head + bytes(range(256)))
    with pytest.raises(ManifestError, match=rf"t.csv is {what}.*save the sheet as CSV in UTF-8"):
        cells(tmp_path / "t.csv", ",")


@pytest.mark.parametrize("text", ['path,label,text\na,x,"Oh\nb,x,no"\nc,x,y\n', 'text,label,path\n"Oh,x,a\nno",x,b\ny,x,c\n'])
def test_a_single_swallowed_row_is_found_by_its_columns(tmp_path, text):
    with pytest.raises(ManifestError, match=r"t\.csv:2: a quotation mark opens a cell here that runs over 2 lines"):
        cells(put(tmp_path, text, "t.csv"), ",")


@pytest.mark.parametrize(("name", "delimiter"), [("t.csv", ","), ("t.tsv", "\t")])
def test_a_zero_byte_is_damage(tmp_path, name, delimiter):
    path = put(tmp_path, f"path{delimiter}label\na.wav{delimiter}sad\0\n", name)
    with pytest.raises(ManifestError, match=rf"{name}:2: holds a zero byte: the file is damaged, or UTF-16 without its mark"):
        cells(path, delimiter)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ('path,text\na.wav,"Hello" she said\n', "write a quotation mark inside a quoted cell twice"),
        ('path,text\na.wav,"' + "x\n" * 70_000, "a quotation mark is probably not closed"),
    ],
)
def test_what_is_wrong_with_a_csv_is_said_with_the_remedy(tmp_path, text, hint):
    with pytest.raises(ManifestError, match=rf"t\.csv:2: not CSV: .*; {hint}"):
        cells(put(tmp_path, text, "t.csv"), ",")
