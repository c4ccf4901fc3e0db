"""Walking a folder never leaves it, never turns in circles and always says the same."""

from __future__ import annotations

import logging
import os
import time

import pytest

from featurekit.audio.names import AUDIO_EXTENSIONS, VIDEO_EXTENSIONS
from featurekit.corpora._walk import audio_paths, by_stem
from featurekit.errors import ManifestError


def touch(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"")


def test_audio_is_found_at_any_depth_and_sorted(tmp_path):
    touch(tmp_path, "b/2.wav", "a/x/1.FLAC", "c.wav", "notes.txt", "b/1.wav")
    assert audio_paths(tmp_path) == ["a/x/1.FLAC", "b/1.wav", "b/2.wav", "c.wav"]


def test_hidden_files_and_macos_leftovers_are_passed_over(tmp_path):
    touch(tmp_path, "a.wav", "._a.wav", ".hidden/b.wav", "__MACOSX/a.wav")
    assert audio_paths(tmp_path) == ["a.wav"]


def test_links_out_of_the_root_are_not_followed_and_said(tmp_path, caplog):
    touch(tmp_path, "root/a.wav", "outside/b.wav", "rootless/c.wav")
    root = tmp_path / "root"
    (root / "file.wav").symlink_to(tmp_path / "outside" / "b.wav")
    (root / "folder").symlink_to(tmp_path / "outside")
    (root / "prefix").symlink_to(tmp_path / "rootless")  # its name begins like the root's
    with caplog.at_level(logging.WARNING):
        assert audio_paths(root) == ["a.wav"]
    assert "3 links" in caplog.text


def test_links_inside_the_root_are_followed_once_and_loops_end(tmp_path):
    touch(tmp_path, "real/a.wav")
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "real" / "up").symlink_to(tmp_path)
    (tmp_path / "alias").symlink_to(tmp_path / "real")
    (tmp_path / "b.wav").symlink_to(tmp_path / "real" / "a.wav")
    (tmp_path / "broken.wav").symlink_to(tmp_path / "none.wav")
    assert audio_paths(tmp_path) == ["alias/a.wav", "b.wav"]


def test_a_root_that_is_a_link_is_walked(tmp_path):
    touch(tmp_path, "real/a.wav")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert audio_paths(tmp_path / "link") == ["a.wav"]


def test_fifos_and_folders_named_like_audio_are_not_audio(tmp_path):
    (tmp_path / "folder.wav").mkdir()
    os.mkfifo(tmp_path / "fifo.wav")
    assert audio_paths(tmp_path) == []


def test_names_that_are_not_utf8_keep_their_bytes(tmp_path):
    (tmp_path / os.fsdecode(b"caf\xe9.wav")).write_bytes(b"")
    assert [os.fsencode(path) for path in audio_paths(tmp_path)] == [b"caf\xe9.wav"]


def test_a_file_that_is_there_twice_is_refused():
    assert by_stem(["a/x.wav", "b/y.flac"]) == {"x": "a/x.wav", "y": "b/y.flac"}
    with pytest.raises(ManifestError, match=r"x is there twice, as a/x.wav and copy/x.flac"):
        by_stem(["a/x.wav", "copy/x.flac"])


def test_a_link_to_itself_and_a_link_to_nothing_are_passed_over_and_said(tmp_path, caplog):
    touch(tmp_path, "a.wav")
    (tmp_path / "self.wav").symlink_to(tmp_path / "self.wav")
    (tmp_path / "folder").symlink_to("folder")
    (tmp_path / "gone").symlink_to("nowhere")
    with caplog.at_level(logging.WARNING):
        assert audio_paths(tmp_path) == ["a.wav"]
    assert "3 links" in caplog.text


@pytest.mark.slow
def test_fifty_thousand_files_in_one_folder_are_a_matter_of_seconds(tmp_path):
    folder = tmp_path / "all"
    folder.mkdir()
    for number in range(50_000):
        (folder / f"{number:05d}.wav").touch()
    started = time.process_time()
    found = audio_paths(tmp_path)
    assert time.process_time() - started < 10
    assert (len(found), found[0], found[-1]) == (50_000, "all/00000.wav", "all/49999.wav")


def test_a_video_is_an_utterance_only_where_asked_for_and_where_no_audio_of_its_name_is(tmp_path, caplog):
    touch(tmp_path, "a/1.mp4", "a/1.wav", "a/2.MP4", "b/1.webm", "b/3.m4a")
    with caplog.at_level(logging.WARNING):
        assert audio_paths(tmp_path, videos=True) == ["a/1.wav", "a/2.MP4", "b/1.webm", "b/3.m4a"]
        assert "1 videos in" in caplog.text
        assert audio_paths(tmp_path) == ["a/1.wav", "b/3.m4a"]
    assert "3 videos in" in caplog.text


def test_no_suffix_of_audio_is_left_out(tmp_path):
    names = [f"{suffix[1:]}{suffix}" for suffix in AUDIO_EXTENSIONS | VIDEO_EXTENSIONS]
    assert {".m4a", ".aac", ".wma", ".amr", ".opus", ".wv", ".ape", ".ac3"} <= AUDIO_EXTENSIONS
    assert {".mp4", ".webm", ".3gp", ".mkv", ".mov", ".avi"} <= VIDEO_EXTENSIONS
    touch(tmp_path, *names)
    assert audio_paths(tmp_path, videos=True) == sorted(names)
