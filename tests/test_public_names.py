"""What ``import featurekit as fk`` offers: every name is there, and its docstring is complete."""

import inspect

import pytest

import featurekit as fk

NAMES = [name for name in fk.__all__ if name != "__version__"]


@pytest.mark.parametrize("name", NAMES)
def test_a_public_name_is_what_its_room_calls_so(name):
    assert getattr(fk, name).__name__ == name


@pytest.mark.parametrize("name", NAMES)
def test_a_public_docstring_says_every_parameter_and_what_comes_back(name):
    found = getattr(fk, name)
    text = inspect.getdoc(found)
    parameters = [
        item
        for item in inspect.signature(found).parameters.values()
        if item.kind is not item.VAR_KEYWORD and item.name[0] != "_"
    ]
    sections = ["Parameters"] if inspect.isclass(found) else ["Parameters", "Returns"]
    for title in sections:
        assert f"{title}\n{'-' * len(title)}\n" in text, title
    for item in parameters:
        assert item.name in text.split("Parameters\n", 1)[1], item.name
