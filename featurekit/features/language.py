"""The little language of requests, ``name(setting=value, of=name(…))``: split, read, write.

``of`` is the one setting whose value is itself a request, or a list of them: ``functionals(of=[rms, mfcc(n_mfcc=20)])``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from featurekit.calls import call_parts, keyword_values
from featurekit.errors import ParameterError

OF = "of"
# What is text without quotes: the request of an ``of``, and a path, which no Python literal looks like.
_BARE = re.compile(
    r"\s*(?:(?P<of>of)\s*=\s*(?P<request>[^'\"\s].*?)|(?P<setting>\w+)\s*=\s*(?P<path>[\w.~+-]*/[^'\"()]*?))\s*", re.DOTALL
)


def split(text: str) -> Iterator[str]:
    """Single requests of a request: split at commas outside parentheses and quotes.

    >>> list(split("luo2019, mel(n_mels=64, fmax=4000)"))
    ['luo2019', 'mel(n_mels=64, fmax=4000)']

    Raises
    ------
    ParameterError
        When a parenthesis or a quote is not closed.
    """
    depth, quote, start = 0, "", 0
    for position, character in enumerate(text):
        if quote:
            quote = "" if character == quote else quote
        elif character in "'\"":
            quote = character
        elif character in "([":
            depth += 1
        elif character in ")]":
            depth -= 1
        elif character == "," and depth == 0:
            yield text[start:position].strip()
            start = position + 1
    if depth or quote:
        raise ParameterError(f"unbalanced parentheses or quotes in {text!r}")
    last = text[start:].strip()
    if last:  # a comma at the end is forgiven
        yield last


def read_settings(text: str, request: str) -> dict[str, Any]:
    """What stands between a request's parentheses, as a dict; the value of ``of`` stays text, and a path needs no quotes.

    >>> read_settings("order=2, of=mfcc(n_mfcc=20)", "delta(…)")
    {'order': 2, 'of': 'mfcc(n_mfcc=20)'}

    Raises
    ------
    ParameterError
        For what :func:`~featurekit.calls.keyword_values` refuses.
    """
    parts = [*split(text)]
    quoted = [_quoted(part) for part in parts]
    # As it stands where nothing is bare, so that errors show what was written.
    return keyword_values(text if quoted == parts else ", ".join(quoted), request)


def _quoted(part: str) -> str:
    match = _BARE.fullmatch(part)
    if match is None:
        return part
    return f"of={match['request']!r}" if match["of"] else f"{match['setting']}={match['path']!r}"


def read(request: str) -> tuple[str, dict[str, Any]]:
    """Name and settings of one request.

    >>> read("delta(of=mfcc(n_mfcc=20), order=2)")
    ('delta', {'of': 'mfcc(n_mfcc=20)', 'order': 2})

    Raises
    ------
    ParameterError
        For text that is not ``name`` or ``name(setting=value, …)``.
    """
    name, inside = call_parts(request, "the feature request")
    return name, read_settings(inside, request)


def members(of: str) -> list[str]:
    """Requests of an ``of``: one, or several in brackets.

    >>> members("[rms, mfcc(n_mfcc=20)]")
    ['rms', 'mfcc(n_mfcc=20)']

    Raises
    ------
    ParameterError
        When it is no text or holds no request.
    """
    if not isinstance(of, str):
        raise ParameterError(f"of is {of!r}; expected a feature, as in of=mfcc(n_mfcc=20), or a list, as in of=[rms, zcr]")
    bare = of.strip()
    found = list(split(bare[1:-1] if bare.startswith("[") and bare.endswith("]") else bare))
    if not found:
        raise ParameterError("of names no feature; write of=mfcc or of=[rms, zcr]")
    return found


def join(requests: Sequence[str]) -> str:
    """The inverse of :func:`members`."""
    return requests[0] if len(requests) == 1 else f"[{', '.join(requests)}]"


def write(name: str, settings: Mapping[str, Any]) -> str:
    """The inverse of :func:`read`: settings sorted by name, ``of`` as bare text.

    >>> write("delta", {"order": 2, "of": "mfcc(n_mfcc=20)"})
    'delta(of=mfcc(n_mfcc=20), order=2)'
    """
    if not settings:
        return name
    return f"{name}({', '.join(f'{key}={value if key == OF else repr(value)}' for key, value in sorted(settings.items()))})"
