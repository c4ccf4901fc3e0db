"""Words of a transcript as numbers, by a hash of each, so that nobody needs a list of words to read another corpus.

A word is a run of letters with their marks, or of digits; case, punctuation and the two ways to write an accented letter do
not count. Chinese and Japanese write no spaces: there a character is a word, and ``ngrams = 2`` of the models that count
words has the pairs, most of what a dictionary would call words.
"""

from __future__ import annotations

import functools
import re
import unicodedata
import zlib
from collections.abc import Iterable

import numpy as np

_IDEOGRAPH = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")


def words_of(text: str) -> list[str]:
    """Words of a transcript in their order.

    >>> words_of("¡Qué película, it's GOOD! 很好")
    ['qué', 'película', "it's", 'good', '很', '好']
    """
    plain = unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())
    return _word().findall(_IDEOGRAPH.sub(lambda match: f" {match[0]} ", plain))


def word_numbers(text: str) -> np.ndarray:
    """Word numbers of a transcript; case and punctuation do not count.

    Parameters
    ----------
    text : str
        As the manifest gives it; may be empty.

    Returns
    -------
    int64 array (L,)
        From 1 to 2**32, the same on every machine and in every run. Among 10,000 words one pair in a hundred such
        vocabularies is expected to share a number.

    Examples
    --------
    >>> word_numbers("It's good, good!")[1:].tolist() == word_numbers("GOOD good").tolist()
    True
    """
    return np.array([_number(word) for word in words_of(text)], dtype=np.int64)


def vocabulary(texts: Iterable[str]) -> dict[str, int]:
    """Every word of these transcripts with its number, sorted."""
    return {word: _number(word) for word in sorted({word for text in texts for word in words_of(text)})}


def _number(word: str) -> int:
    return 1 + zlib.crc32(word.encode("utf-8", "surrogatepass"))


@functools.cache
def _word() -> re.Pattern[str]:
    """Letters with the marks that follow them (of Hindi's vowels, Urdu's and Arabic's vowel signs), apostrophes within."""
    marks = "".join(chr(code) for code in range(0x300, 0x10000) if unicodedata.category(chr(code))[0] == "M")
    letter = rf"[^\W\d_][{marks}]*"
    return re.compile(rf"(?:{letter})+(?:['’](?:{letter})+)*|\d+")
