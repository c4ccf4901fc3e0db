"""Names that are probably one: every damage that is known is found, and what is plainly several names is left alone."""

from __future__ import annotations

import unicodedata

import pytest

from featurekit.data.spellings import folded, shown, twins

JURGEN, ZOE = "J\u00fcrgen", "Zo\u00eb"


def nfd(name):
    return unicodedata.normalize("NFD", name)


@pytest.mark.parametrize(
    ("one", "other", "how"),
    [
        ("anna", "ANNA", "case"),
        ("Strau\u00df", "STRAUSS", "case"),
        ("anna", " anna ", "spaces"),
        ("anna", "anna\t", "spaces"),
        ("anna", "anna.", "spaces"),
        ("anna maria", "anna  maria", "spaces"),
        ("anna maria", "anna\u00a0maria", "spaces"),
        ("anna", "an\u200bna", "invisible signs"),
        ("anna", "\ufeffanna", "invisible signs"),
        ("01", "\uff10\uff11", "width of signs"),
        ("1", "\u0661", "width of signs"),
        ("spk1", "\uff53\uff50\uff4b\uff11", "width of signs"),
        ("01", "1", "leading zeros"),
        ("spk01", "spk1", "leading zeros"),
        ("1", "1.0", "a number written otherwise"),
        ("1", "1,0", "a number written otherwise"),
        ("01", "1.0", "a number written otherwise, leading zeros"),
        ("1000", "1,000", "a number written otherwise"),
        ("100000", "1E5", "a number written otherwise"),
        ("1E1", "10.0", "a number written otherwise"),
        ("1234567890123456789", "1.234567890123456789e18", "a number written otherwise"),
        ("10124420001034504343", "1.0124420001034504e+19", "a number written otherwise"),
        ("10124420001034504343", "1.01244E+19", "a number written otherwise"),
        ("10124420001034504343", "10124420001034500000", "a number written otherwise"),
        ("01", "'01", "quotes or dashes"),
        ("MAR1", "1-Mar", "a date"),
        ("1-2", "2-Jan", "a date"),
        ("1-2", "2026-02-01 00:00:00", "a date"),
        ("a_b", "a-b", "separators"),
        ("a_b", "a b", "separators"),
        ("spk_1", "spk1", "separators"),
        ("o'hara", "o\u2019hara", "quotes or dashes"),
        ("a-b", "a\u2013b", "quotes or dashes"),
        ("-1", "\u22121", "quotes or dashes"),
        (JURGEN, "J\u00c3\u00bcrgen", "code page"),
        (JURGEN, JURGEN.encode().decode("cp437"), "code page"),
        (JURGEN, nfd(JURGEN).encode().decode("cp437"), "code page"),
        (JURGEN, nfd(JURGEN).encode().decode("cp1252"), "code page"),
        (JURGEN, JURGEN.encode().decode("mac_roman"), "code page"),
        (JURGEN, JURGEN.encode().decode("gbk"), "code page"),
        (JURGEN, JURGEN.encode("cp1252").decode("cp437"), "code page"),
        (JURGEN, JURGEN.encode("cp437").decode("latin-1"), "code page"),
        (JURGEN, JURGEN.encode().decode("cp1252").encode().decode("cp1252"), "code page"),
        (JURGEN, "J\udcfcrgen", "code page"),
        ("\u738b\u82b3", "\u738b\u82b3".encode("gbk").decode("latin-1"), "code page"),
        (ZOE, "Zo?", "lost signs"),
        (ZOE, "Zo\ufffd\ufffd", "lost signs"),
        (JURGEN, "J_rgen", "lost signs"),
        (JURGEN, "J#U00fcrgen", "escapes"),
        (JURGEN, "J%C3%BCrgen", "escapes"),
        (JURGEN, "Jurgen", "accents"),
        (JURGEN, "Juergen", "accents"),
        ("\u00d8st", "Ost", "accents"),
        ("anna", "\u0430nna", "letters that look alike"),
        (" ANNA", "anna", "spaces, case"),
    ],
)
def test_what_was_done_to_a_name_is_found_and_said(one, other, how):
    (group,) = twins([one, other, "somebody else"])
    assert set(group.names) == {one, other}
    assert group.how == how


@pytest.mark.parametrize(
    "names",
    [
        [f"{number:02d}" for number in range(1, 25)],  # RAVDESS
        ["03", "08", "09", "10", "11", "12", "13", "14", "15", "16"],  # EMO-DB
        [JURGEN, nfd(JURGEN)],  # one name, not two
        ["1.1", "1.10", "1.2", "1.01"],
        ["-1", "0", "1", "+2", "-1.2", "1.2"],
        ["1-2", "2-1", "12", "1_11", "11_1"],
        ["2021-01-02", "2021-02-01", "2-Jan", "1-Feb"],
        ["Ses01F", "Ses01M", "Ses02F"],
        ["H\u00e0", "H\u1ea1", "H\u1ea3"],
        ["\u0915\u093f", "\u0915\u093e"],
        ["\u738b\u82b3", "\u738b\u65b9"],
        ["", "anna"],
    ],
)
def test_what_is_plainly_several_names_or_one_is_no_group(names):
    assert twins(names) == []


def test_several_spellings_of_one_name_are_one_group_and_the_order_does_not_matter():
    names = [JURGEN, "J\u00dcRGEN", "Juergen", "ben", "BEN"]
    assert [set(group.names) for group in twins(names)] == [{"BEN", "ben"}, {JURGEN, "J\u00dcRGEN", "Juergen"}]
    assert twins(names) == twins(reversed(names))


def test_a_name_of_signs_alone_is_kept_and_what_cannot_be_seen_is_shown():
    assert folded("\u200b") == "\u200b"
    assert shown("anna") == "anna"
    assert shown(" anna") == "' anna'"
    assert shown("an\u200bna") == "'an\\u200bna'"


@pytest.mark.parametrize(
    ("names", "how"),
    [
        (("123456789012", "1.23457E+11"), "a number written otherwise"),  # Excel saves a CSV as it shows the cells
        (("123460000012", "1.2346E+11"), "a number written otherwise"),
        (("1-2", "1/2/2026"), "a date"),
        (("1-2", "02.01.26"), "a date"),
        (('"anna"', "anna"), "quotes or dashes"),
        (('="01"', "01"), "quotes or dashes"),
    ],
)
def test_what_spreadsheets_make_of_a_name_is_the_name(names, how):
    (group,) = twins(names)
    assert (set(group.names), group.how) == (set(names), how)


def test_numbers_that_begin_alike_are_two():
    assert not twins(["202312150001", "202312150002", "10/12/2026", "11/13/2026", '"a" b', "b"])
