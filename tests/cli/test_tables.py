"""Text wraps at words at the terminal's width, and stays one line in a pipe."""

import pytest
from click.testing import CliRunner

from featurekit.cli import main, tables

ROWS = {
    "speaker-disjoint": "no speaker is in two parts, which is what a stranger's voice will be like",
    "loso": "leave one speaker out",
}
TABLE = [("03-01-05", "a sentence that is spoken with several emotions", 1440), ("x", "short", 7)]


@pytest.fixture
def narrow(monkeypatch):
    monkeypatch.setenv("COLUMNS", "50")


def words(text):
    return text.split()


@pytest.mark.parametrize("width", [30, 50, 80])
def test_no_line_is_longer_than_the_screen_and_no_word_is_lost_or_torn(width):
    said = tables.listing(ROWS, width=width)
    assert max(map(len, said.splitlines())) <= width
    assert words(said) == [word for name, text in ROWS.items() for word in (name, *words(text))]
    said = tables.table(TABLE, heads=("id", "text", "n"), right=[2], width=width)
    assert max(map(len, said.splitlines())) <= width
    assert set(words(said)) >= {word for row in TABLE for cell in row for word in words(str(cell))}


def test_columns_is_the_width(narrow):
    assert tables.screen_width() == 50
    assert max(map(len, tables.listing(ROWS).splitlines())) <= 50


def test_a_pipe_gets_one_line_a_row(monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)
    assert len(tables.listing(ROWS).splitlines()) == len(ROWS)
    assert len(tables.table(TABLE).splitlines()) == len(TABLE)


def test_where_names_take_the_line_descriptions_stand_beneath():
    name = "aff-acrnn-ubbi-res152-with-a-long-name"
    assert tables.listing({name: "its text"}, width=50).splitlines() == [name, "    its text"]


def test_numbers_stand_at_the_right():
    assert tables.table([("a", 5), ("b", 10)], right=[-1]).splitlines() == ["a   5", "b  10"]


def test_nothing_to_show_is_nothing():
    assert tables.table([]) == tables.listing({}) == ""


def test_a_word_longer_than_the_line_stays_whole():
    assert "x" * 60 in tables.wrap(f"see {'x' * 60}", width=50)


@pytest.mark.parametrize("width", [50, 80])
def test_lists_and_explanations_fit_the_screen(width, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(width))
    for command in [["list", "features"], ["list", "models"], ["list", "splits"], ["explain", "ravdess"], ["explain", "mfcc"]]:
        said = CliRunner().invoke(main, command).output
        too_long = [line for line in said.splitlines() if len(line) > width and len(line.split()) > 2]
        assert too_long == []
        assert "``" not in said
