"""Members join an open set by being a file of its package, and nobody keeps a list."""

from __future__ import annotations

import sys

import pytest

from featurekit.errors import ParameterError, UnknownNameError
from featurekit.registry import PLUGINS, Registry, load_plugin


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package ``shelf_of_birds`` with two members and a private module, and its registry."""
    folder = tmp_path / "shelf_of_birds"
    folder.mkdir()
    (folder / "__init__.py").write_text(
        "from featurekit.registry import Registry\nBIRDS = Registry('bird', 'shelf_of_birds')\n"
    )
    for name in ("wren", "owl"):
        (folder / f"{name}.py").write_text(
            f"from shelf_of_birds import BIRDS\ndef sing():\n    return '{name}'\nBIRDS.add('{name}', sing)\n"
        )
    (folder / "_private.py").write_text("raise RuntimeError('must not be imported')\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield folder
    for name in [name for name in sys.modules if name.split(".")[0] == "shelf_of_birds"]:
        del sys.modules[name]


def birds():
    import shelf_of_birds

    return shelf_of_birds.BIRDS


def test_members_are_found_sorted_and_private_modules_are_left_alone(package):
    assert birds().names() == ["owl", "wren"]
    assert [sing() for sing in birds()] == ["owl", "wren"]
    assert "owl" in birds()
    assert "eagle" not in birds()
    assert birds().get("wren")() == "wren"


def test_a_file_dropped_into_the_folder_is_a_member(package):
    (package / "robin.py").write_text("from shelf_of_birds import BIRDS\nBIRDS.add('robin', object())\n")
    assert birds().names() == ["owl", "robin", "wren"]


def test_an_unknown_member_is_an_error_with_the_nearest_name(package):
    with pytest.raises(UnknownNameError, match="unknown bird 'wrenn'; did you mean wren"):
        birds().get("wrenn")


def test_two_modules_may_not_use_one_name(package):
    (package / "thief.py").write_text("from shelf_of_birds import BIRDS\ndef caw():\n    pass\nBIRDS.add('owl', caw)\n")
    with pytest.raises(ParameterError, match="are called 'owl'"):
        birds().names()


def test_the_same_member_may_join_twice(package):
    member = birds().get("owl")
    assert birds().add("owl", member) is member


def test_a_broken_member_fails_again_the_second_time(package):
    (package / "broken.py").write_text("1 / 0\n")
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            birds().names()


def test_a_plugin_file_joins_and_a_missing_one_is_an_error(package, tmp_path, monkeypatch):
    monkeypatch.setenv(PLUGINS, "")  # restored afterwards, so that later workers do not look for birds
    plugin = tmp_path / "mine.py"
    plugin.write_text("from shelf_of_birds import BIRDS\nBIRDS.add('magpie', object())\n")
    load_plugin(plugin)
    assert "magpie" in birds()
    for wrong in (tmp_path / "none.py", tmp_path):
        with pytest.raises(ParameterError, match="--plugin needs a Python file"):
            load_plugin(wrong)


def test_a_plugin_that_cannot_be_imported_says_which_and_why(tmp_path):
    (tmp_path / "broken.py").write_text("import nothing_of_that_name\n")
    with pytest.raises(ParameterError, match=r"broken.py cannot be imported: ModuleNotFoundError: .*nothing_of_that_name"):
        load_plugin(tmp_path / "broken.py")


def test_a_registry_of_a_package_that_does_not_exist_says_so():
    with pytest.raises(ModuleNotFoundError):
        Registry("ghost", "no_such_package_anywhere").names()
