"""Terminals that are not UTF-8: what they cannot show is replaced by readable ASCII, and never ends a command."""

from __future__ import annotations

import codecs
import io
import sys
import unicodedata

_HANDLER = "featurekit-readable"
_ASCII = "featurekit-ascii"

# No replacement holds a double quote or a backslash: within JSON they would mean something.
_PLAIN = {
    "×": "x",
    "→": "->",
    "←": "<-",
    "±": "+-",
    "−": "-",
    "–": "-",
    "—": "-",
    "·": "-",
    "•": "-",
    "≤": "<=",
    "≥": ">=",
    "≈": "~",
    "σ": "sigma",
    "µ": "u",
    "μ": "u",
    "°": " deg",
    "ß": "ss",
    "⁄": "/",
    "“": "'",
    "”": "'",
    "„": "'",
    "‘": "'",
    "’": "'",
    "─": "-",
    "│": "|",
    "├": "|",
    "└": "`",
}


def plain(text: str) -> str:
    """Text in ASCII: signs as they are typed, letters without their marks, anything else a question mark.

    >>> plain("3 × 5 → Müller ± 2 … 中")
    '3 x 5 -> Muller +- 2 ... ?'
    """
    return "".join(_PLAIN.get(character) or _without_marks(character) for character in text)


def make_readable() -> None:
    """Have standard output and standard error replace what their encoding lacks.

    Examples
    --------
    With ``PYTHONIOENCODING=ascii`` this prints ``3 x 5``; without, it is a ``UnicodeEncodeError``::

        make_readable()
        print("3 × 5")
    """
    codecs.register_error(_HANDLER, _replace)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # click takes a stream called "ascii" for a mistake, and writes UTF-8 to it.
            is_ascii = codecs.lookup(stream.encoding).name == "ascii"
            stream.reconfigure(encoding=_ASCII if is_ascii else None, errors=_HANDLER)


def _without_marks(character: str) -> str:
    if character.isascii():
        return character
    parts = unicodedata.normalize("NFKD", character)
    return "".join(_PLAIN.get(part, part if part.isascii() and part not in '"\\' else "") for part in parts) or "?"


def _replace(error: UnicodeError) -> tuple[str | bytes, int]:
    """What the codecs call for characters they cannot encode."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    missing = error.object[error.start : error.end]
    # A byte of a file's name that is no text stands as a surrogate, and goes out as that byte.
    if all("\udc80" <= character <= "\udcff" for character in missing):
        return bytes(ord(character) - 0xDC00 for character in missing), error.end
    return plain(missing), error.end


def _ascii_under_another_name(name: str) -> codecs.CodecInfo | None:
    if name.replace("_", "-") != _ASCII:
        return None
    ascii_codec = codecs.lookup("ascii")
    return codecs.CodecInfo(
        name=_ASCII,
        encode=ascii_codec.encode,
        decode=ascii_codec.decode,
        incrementalencoder=ascii_codec.incrementalencoder,
        incrementaldecoder=ascii_codec.incrementaldecoder,
        streamwriter=ascii_codec.streamwriter,
        streamreader=ascii_codec.streamreader,
    )


codecs.register(_ascii_under_another_name)
