import os
import sys

import pytest

from featurekit.inspection.tree import tree_findings, walk


@pytest.fixture
def knotted(make, tmp_path):
    """Links round in a circle, to nothing, to themselves and out of the root."""
    make("a/one.wav")
    (make.root / "a" / "loop").symlink_to(make.root)
    (make.root / "self").symlink_to(make.root / "self")
    (make.root / "nothing.wav").symlink_to(make.root / "gone.wav")
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "two.wav").write_bytes(b"")
    (make.root / "out").symlink_to(outside)
    (make.root / "out.wav").symlink_to(outside / "two.wav")
    return make.root


def test_links_are_sorted_by_where_they_lead(knotted, by_check):
    tree = walk(knotted)
    assert tree.files == ["a/one.wav"]
    assert by_check(tree_findings(tree)) == {
        "link-out": ["out", "out.wav"],
        "link-broken": ["nothing.wav", "self"],
        "link-circle": ["a/loop"],
    }


def test_a_link_inside_the_root_is_a_file_of_it(make):
    make("one.wav")
    (make.root / "again.wav").symlink_to("one.wav")
    assert walk(make.root).audio == ["again.wav", "one.wav"]


@pytest.mark.skipif(sys.getfilesystemencoding() != "utf-8", reason="this locale's file names are not UTF-8")
def test_names_of_other_bytes_forms_and_cases_are_found(make, by_check):
    for name in (b"k\xe4se.wav", "ä.wav".encode(), "a\u0308.wav".encode(), b"B.wav", b"b.wav"):
        with open(os.fsencode(make.root) + b"/" + name, "wb"):
            pass
    found = by_check(tree_findings(walk(make.root)))
    assert found["name-bytes"] == ["k\udce4se.wav"]
    assert sorted(found["name-twins"]) == sorted(["ä.wav", "a\u0308.wav", "B.wav", "b.wav"])


def test_hidden_files_pipes_and_closed_folders_are_told(make, by_check):
    (make.root / "._a.wav").write_bytes(b"")
    os.mkfifo(make.root / "pipe.wav")
    (make.root / "closed").mkdir(mode=0o000)
    found = by_check(tree_findings(walk(make.root)))
    assert found["hidden"] == ["._a.wav"]
    assert found["special"] == ["pipe.wav"]
    if os.geteuid() != 0:
        assert found["unreadable"] == ["closed"]
    (make.root / "closed").chmod(0o755)
