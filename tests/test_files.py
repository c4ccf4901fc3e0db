import os
import socket

import pytest

from featurekit.errors import ParameterError
from featurekit.files import json_bytes, parse_json, read_plain_file, replace_file, write_json


def test_a_file_is_read_as_it_was_written(tmp_path):
    replace_file(tmp_path / "a", b"first")
    replace_file(tmp_path / "a", b"second")
    assert read_plain_file(tmp_path / "a") == b"second"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_what_is_no_plain_file_is_one_sentence_and_nobody_waits_for_it(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(tmp_path / "socket"))  # a socket's path must be short
        (tmp_path / "link").symlink_to("a")
        (tmp_path / "a").write_bytes(b"0123456789")
        for name, expected in (("pipe", "a pipe"), (".", "a folder"), ("socket", "not a plain file")):
            with pytest.raises(ParameterError, match=expected):
                read_plain_file(tmp_path / name)
    with pytest.raises(ParameterError, match="is a link"):
        read_plain_file(tmp_path / "link", follow_links=False)
    assert read_plain_file(tmp_path / "link") == b"0123456789"
    with pytest.raises(ParameterError, match="10 bytes; at most 9"):
        read_plain_file(tmp_path / "a", most_bytes=9)
    for absent in ("b", "a/b"):
        with pytest.raises(FileNotFoundError):
            read_plain_file(tmp_path / absent)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"{", "not JSON"),
        (b"[NaN]", "NaN is no number"),
        (b"[-Infinity]", "-Infinity is no number"),
        (b'["\\ud800"]', "half of a surrogate pair"),
        (b"[" * 100_000 + b"]" * 100_000, "nested too deeply"),
        (b"[" + b"9" * 10_000 + b"]", "not JSON"),
        (b"", "not JSON"),
    ],
)
def test_what_is_no_json_is_one_sentence(text, expected):
    with pytest.raises(ParameterError, match=expected) as raised:
        parse_json(text, "here.json")
    assert str(raised.value).startswith("here.json is not JSON: ")


def test_whole_characters_beyond_the_basic_plane_and_names_that_are_no_utf_8_come_back(tmp_path):
    value = {"a": "\N{GRINNING FACE}", "name": b"caf\xe9.wav".decode("utf-8", "surrogateescape")}
    assert parse_json(b'{"a": "\\ud83d\\ude00", "name": "caf\xe9.wav"}', "here") == value
    write_json(tmp_path / "a", value)
    assert parse_json(read_plain_file(tmp_path / "a"), "here") == value


def test_nan_and_what_is_no_json_are_not_written():
    for value in (float("nan"), {"a": object()}):
        with pytest.raises(ParameterError, match="must be JSON"):
            json_bytes(value)
