"""The Markdown that people read: every table is one that a reader of Markdown draws as a table."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
SEPARATOR = re.compile(r"\|?(\s*:?-+:?\s*\|)+(\s*:?-+:?\s*)?")


def cells(line):
    """How many cells a row has; a pipe behind a backslash separates nothing."""
    return len(re.split(r"(?<!\\)\|", line.strip().strip("|")))


def tables(text):
    """(number of its first line, lines) of each run of lines that begin with a pipe, outside blocks of code."""
    found, in_code, last = [], False, -2
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith("```"):
            in_code = not in_code
        elif line.lstrip().startswith("|") and not in_code:
            if number != last + 1:
                found.append((number, []))
            found[-1][1].append(line)
            last = number
    return found


def faults(text):
    """Sentences on tables that would be shown as a paragraph of pipes, or with a row that lacks or spills cells."""
    said = []
    for number, lines in tables(text):
        if len(lines) < 2 or not SEPARATOR.fullmatch(lines[1].strip()):
            said.append(f"line {number}: a table without a separator line below its header")
        wrong = [at for at, line in enumerate(lines) if cells(line) != cells(lines[0])]
        said += [f"line {number + at}: {cells(lines[at])} cells below a header of {cells(lines[0])}" for at in wrong]
    return said


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_table_is_one(page):
    assert faults(page.read_text("utf-8")) == []


def test_a_table_without_a_separator_or_with_an_uneven_row_is_found():
    assert faults("| a | b |\n| 1 | 2 |\n") == ["line 1: a table without a separator line below its header"]
    assert faults("| a | b |\n|---|---|\n| 1 |\n") == ["line 3: 1 cells below a header of 2"]
    assert faults("| a | b |\n|---|:-:|\n| 1 \\| 2 | |\n```\n| x |\n```\n") == []
