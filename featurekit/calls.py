"""The one reading of ``name(setting=value, …)``: features, splits, tasks, augmentations and perturbations are asked for so."""

from __future__ import annotations

import ast
import re
from typing import Any

from featurekit.errors import ParameterError

_CALL = re.compile(r"\s*(?P<name>[\w./-]+)\s*(?:\((?P<settings>.*)\))?\s*", re.DOTALL)


def parse_call(text: str) -> tuple[str, dict[str, Any]]:
    """A name with settings in parentheses, as the command line writes it.

    >>> parse_call("speaker-kfold(k=5, dev=0.2)")
    ('speaker-kfold', {'k': 5, 'dev': 0.2})

    Raises
    ------
    ParameterError
        For text that is not ``name`` or ``name(setting=value, …)``.
    """
    name, inside = call_parts(text)
    return name, keyword_values(inside, text)


def call_parts(text: str, what: str = "") -> tuple[str, str]:
    """A call's name, and what stands between its parentheses as it is written.

    >>> call_parts("delta(of=mfcc(n_mfcc=20))")
    ('delta', 'of=mfcc(n_mfcc=20)')

    Parameters
    ----------
    text : str
    what : str
        What it is, for the error.

    Raises
    ------
    ParameterError
        For text that is not ``name`` or ``name(…)``.
    """
    match = _CALL.fullmatch(text)
    if match is None:
        raise ParameterError(f"cannot read {what}{' ' if what else ''}{text!r}; expected name or name(setting=value)")
    return match["name"], match["settings"] or ""


def called_name(text: str) -> str:
    """The name before the settings, of text that is known to be a call: what a column, a task or a split says it is.

    >>> called_name("mfcc(n_mfcc=20)")
    'mfcc'
    """
    return text.partition("(")[0].strip()


def keyword_values(text: str, request: str) -> dict[str, Any]:
    """``"n_mfcc=20, window=hann"`` → a dict; values are literals, a bare word is a string; nothing is evaluated.

    Parameters
    ----------
    text : str
        What stands between the parentheses.
    request : str
        The whole, for the errors.

    Raises
    ------
    ParameterError
        For a value without a name, a name given twice, or a value that is no number, string, True, False or None.
    """
    try:
        call = ast.parse(f"settings({text}\n)", mode="eval").body
        if not isinstance(call, ast.Call) or call.args or any(word.arg is None for word in call.keywords):
            raise ParameterError(f"settings of {request!r} need names, as in mfcc(n_mfcc=20)")
        values = {str(word.arg): _literal(word) for word in call.keywords}
        if len(values) < len(call.keywords):
            raise ParameterError(f"a setting of {request!r} is repeated; give each once")
        return values
    except ParameterError:
        raise
    except (SyntaxError, ValueError) as error:
        why = error.msg if isinstance(error, SyntaxError) else error
        raise ParameterError(
            f"cannot read the settings of {request!r}; expected name=value, …, a number without its unit: {why}"
        ) from None


def _literal(word: ast.keyword) -> Any:
    try:
        value = word.value.id if isinstance(word.value, ast.Name) else ast.literal_eval(word.value)
    except ValueError:  # a call, a sum
        value = word.value
    if value is not None and not isinstance(value, (bool, int, float, str)):
        raise ParameterError(f"{word.arg} is {ast.unparse(word.value)}; expected a number, a string, True, False or None")
    return value
