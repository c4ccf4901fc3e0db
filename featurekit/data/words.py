"""Words of a transcript as numbers, without a vocabulary: a hash says where in a model's table a word lies."""

from __future__ import annotations

import re
import zlib

import numpy as np

BUCKETS = 1 << 15  # 1 % of a vocabulary of 300 words share a number; 0 is padding
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*|\d+")
# Chinese and Japanese write no spaces: there a character is a word.
_IDEOGRAPH = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")


def word_numbers(text: str) -> np.ndarray:
    """Word numbers of a transcript; case and punctuation do not count.

    Parameters
    ----------
    text : str
        As the manifest gives it; may be empty.

    Returns
    -------
    int64 array (L,)
        From 1 to ``BUCKETS - 1``, the same on every machine and in every run.

    Examples
    --------
    >>> word_numbers("It's good, good!")[1:].tolist() == word_numbers("GOOD good").tolist()
    True
    """
    spaced = _IDEOGRAPH.sub(lambda match: f" {match[0]} ", text.casefold())
    words = _WORD.findall(spaced)
    return np.array([1 + zlib.crc32(word.encode()) % (BUCKETS - 1) for word in words], dtype=np.int64)
