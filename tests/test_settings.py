"""Settings: an unknown key is an error, a wrong type is an error, equal values have one digest."""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from featurekit.errors import ParameterError, UnknownNameError
from featurekit.files import replace_file, write_json
from featurekit.settings import canonical_json, corpus_root, digest, from_mapping, read_toml

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@dataclass(frozen=True)
class Optimiser:
    name: str = "adam"
    rate: float = 1e-3


@dataclass(frozen=True)
class Run:
    model: str
    epochs: int = 10
    features: tuple[str, ...] = ()
    seed: int | None = None
    shuffle: bool = True
    optimiser: Optimiser = Optimiser()


def read(**mapping):
    return from_mapping(Run, mapping, where="run.toml")


def test_a_mapping_becomes_a_frozen_dataclass():
    run = read(model="svm", features=["a", "b"], optimiser={"rate": 1}, seed=None)
    assert run == Run("svm", features=("a", "b"), optimiser=Optimiser(rate=1.0))
    assert isinstance(run.optimiser.rate, float)
    with pytest.raises(AttributeError):
        run.model = "other"


def test_an_unknown_key_names_the_file_and_the_nearest_key():
    with pytest.raises(UnknownNameError, match=r"run.toml.*'epoch'; did you mean epochs"):
        read(model="svm", epoch=3)
    with pytest.raises(UnknownNameError, match=r"run.toml: optimiser.*'rte'"):
        read(model="svm", optimiser={"rte": 3})


def test_a_missing_key_is_named():
    with pytest.raises(ParameterError, match=r"run.toml lacks model"):
        read()


@pytest.mark.parametrize(
    "wrong",
    [{"epochs": "3"}, {"epochs": 1.5}, {"epochs": True}, {"features": "a"}, {"features": [1]}, {"seed": "x"}, {"shuffle": 1}],
)
def test_a_wrong_type_names_the_key_and_what_was_got(wrong):
    with pytest.raises(ParameterError, match=next(iter(wrong))):
        read(model="svm", **wrong)


def test_expected_types_are_named_as_toml_has_them():
    @dataclass(frozen=True)
    class Wanted:
        names: tuple[str, ...] | None = None
        table: dict[str, int] | None = None

    with pytest.raises(ParameterError, match="names is 'a'; expected a list of str or None"):
        from_mapping(Wanted, {"names": "a"}, where="x")
    with pytest.raises(ParameterError, match="table is 3; expected a table or None"):
        from_mapping(Wanted, {"table": 3}, where="x")


def test_a_file_is_written_into_a_folder_that_is_there_or_not_at_all(tmp_path):
    with pytest.raises(ParameterError, match=r"cannot write .*x.json: there is no folder '.*nowhere'"):
        replace_file(tmp_path / "nowhere" / "x.json", b"")
    (tmp_path / "taken").mkdir()
    with pytest.raises(OSError, match="taken") as refused:
        replace_file(tmp_path / "taken", b"")
    assert refused.value.filename == str(tmp_path / "taken")
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


@given(JSON)
def test_a_digest_does_not_depend_on_the_order_of_keys(value):
    turned = dict(reversed(value.items())) if isinstance(value, dict) else value
    assert digest(value) == digest(turned)


def test_a_disk_that_refuses_even_to_remove_names_the_file_that_was_asked_for(tmp_path, monkeypatch):
    def refuse(self, *arguments, **how):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(self))

    monkeypatch.setattr(Path, "replace", refuse)
    monkeypatch.setattr(Path, "unlink", refuse)
    with pytest.raises(OSError, match=r"'.*/x\.json'"):
        replace_file(tmp_path / "x.json", b"")


def test_a_digest_sees_every_change_and_takes_names_that_are_not_utf8():
    assert len({digest(value) for value in (None, 0, "0", [0], {"0": 0}, False)}) == 6
    assert canonical_json((1, 2)) == canonical_json([1, 2])
    assert len(digest("caf\udce9")) == 64
    with pytest.raises(ValueError, match="not JSON compliant"):
        digest(float("nan"))


def test_toml_errors_name_the_file(tmp_path):
    with pytest.raises(ParameterError, match="no settings file"):
        read_toml(tmp_path / "none.toml")
    (tmp_path / "bad.toml").write_text("a = \n")
    with pytest.raises(ParameterError, match=r"bad.toml is not TOML.*line 1"):
        read_toml(tmp_path / "bad.toml")
    (tmp_path / "latin.toml").write_bytes(b'a = "\xe9"\n')
    with pytest.raises(ParameterError, match="is not TOML"):
        read_toml(tmp_path / "latin.toml")


def test_a_corpus_root_is_the_argument_then_the_environment_then_the_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FEATUREKIT_CORPORA", raising=False)
    assert corpus_root("mosi", None) is None
    (tmp_path / "featurekit.toml").write_text("[corpora.mosi]\nroot = '~/mosi'\n")
    assert corpus_root("mosi", None).name == "mosi"
    assert "~" not in str(corpus_root("mosi", None))
    assert corpus_root("emodb", None) is None
    (tmp_path / "all" / "mosi").mkdir(parents=True)
    monkeypatch.setenv("FEATUREKIT_CORPORA", str(tmp_path / "all"))
    assert corpus_root("mosi", None) == tmp_path / "all" / "mosi"
    assert corpus_root("mosi", "here").name == "here"


def test_json_for_people_keeps_every_name_and_refuses_nan(tmp_path):
    write_json(tmp_path / "a.json", {"id": "caf\udce9", "word": "très"})
    assert (tmp_path / "a.json").read_bytes() == b'{\n "id": "caf\xe9",\n "word": "tr\xc3\xa8s"\n}\n'
    with pytest.raises(ValueError, match="Out of range"):
        write_json(tmp_path / "a.json", {"id": float("nan")})
    assert (tmp_path / "a.json").exists()


@pytest.mark.parametrize("said", ["corpora = 3", '[corpora]\nravdess = "x"', "[corpora.ravdess]\nroot = 3"])
def test_a_root_that_is_said_in_another_way_is_refused(said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FEATUREKIT_CORPORA", raising=False)
    (tmp_path / "featurekit.toml").write_text(said)
    with pytest.raises(ParameterError, match=r"expected \[corpora.ravdess\] root"):
        corpus_root("ravdess", None)
