"""Codes of languages, against a package that has them all."""

from __future__ import annotations

import pytest

from featurekit.corpora import _languages


def test_every_code_is_that_of_iso_639():
    iso639 = pytest.importorskip("iso639")
    theirs = {language.pt3: language.pt1 for language in iso639.iter_langs() if language.pt1}
    assert theirs == _languages._SHORT


def test_names_and_codes_without_two_letters_stay():
    assert [_languages.short_code(name) for name in ("DEU", "cmn", "en", "Scots", "")] == ["de", "cmn", "en", "Scots", ""]
