"""Errors say what is wrong, stay what callers expect them to be, and survive a trip between processes."""

from __future__ import annotations

import inspect
import pickle

import pytest

from featurekit import errors
from featurekit.errors import AudioError, FeaturekitError, UnknownNameError

CLASSES = [value for value in vars(errors).values() if inspect.isclass(value) and issubclass(value, FeaturekitError)]


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_every_error_is_also_a_builtin_error(kind):
    builtins = [
        base for base in kind.__mro__ if base.__module__ == "builtins" and base not in (Exception, BaseException, object)
    ]
    assert builtins or kind is FeaturekitError


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_every_error_crosses_a_process_border_whole(kind):
    if kind is UnknownNameError:
        error = kind("corpus", "ravdes", ["ravdess", "mosi"])
    elif kind is AudioError:
        error = kind("TRUNCATED", "10 bytes promised, 5 present")
    else:
        error = kind("what went wrong")
    back = pickle.loads(pickle.dumps(error))
    assert type(back) is kind
    assert str(back) == str(error)
    assert vars(back) == vars(error)


def test_an_unknown_name_suggests_the_nearest():
    error = UnknownNameError("corpus", "ravdes", ["mosi", "ravdess"])
    assert str(error) == "unknown corpus 'ravdes'; did you mean ravdess?"
    assert (error.kind, error.name) == ("corpus", "ravdes")


def test_an_unknown_name_with_nothing_near_lists_what_there_is():
    assert str(UnknownNameError("corpus", "zzz", ["mosi", "emodb"])) == "unknown corpus 'zzz'; known: emodb, mosi"


def test_a_list_too_long_to_read_is_not_printed():
    assert str(UnknownNameError("utterance", "zzz", [f"a{number}" for number in range(41)])) == "unknown utterance 'zzz'"
    assert str(UnknownNameError("column", "zzz")) == "unknown column 'zzz'"


def test_a_list_too_long_to_read_has_a_command_that_prints_it():
    error = UnknownNameError("model", "zzz", [f"a{number}" for number in range(41)], see="featurekit list models")
    assert str(error) == "unknown model 'zzz'; see `featurekit list models`"


def test_a_name_in_capitals_is_near():
    assert "did you mean mel?" in str(UnknownNameError("feature", "MEL", ["mel", "zcr"]))


def test_an_audio_error_carries_its_status_and_reason():
    error = AudioError("EMPTY", "the file has 0 bytes")
    assert (error.status, error.reason, str(error)) == ("EMPTY", "the file has 0 bytes", "EMPTY: the file has 0 bytes")


def test_a_name_that_is_no_text_is_said_so():
    assert str(UnknownNameError("split", 5, ["loso"])) == "a split is named by text, got 5; known: loso"
