"""The commit protocol: its order, and that each step is needed."""

# ruff: noqa: PTH104, PTH105, PTH108
from __future__ import annotations

import errno
import os
import types
from pathlib import Path

import pytest

from featurekit.errors import CorruptStoreError, StoreError, StoreNotFoundError
from featurekit.store import files

DATA = bytes(range(256)) * 10


class Recorder:
    """``os`` for the module under test: notes every call that matters, and can be told to misbehave."""

    def __init__(self):
        self.calls, self.names = [], {}
        self.write_most, self.corrupt = 1 << 30, False
        self.fail = {}

    def __getattr__(self, name):
        return getattr(os, name)

    def _note(self, call, target):
        self.calls.append((call, Path(target).parent.name or Path(target).name, Path(target).is_dir()))
        if call in self.fail:
            raise OSError(self.fail[call], os.strerror(self.fail[call]))

    def open(self, path, flags, mode=0o777):
        self._note("create" if flags & os.O_CREAT else "open", path)
        descriptor = os.open(path, flags, mode)
        self.names[descriptor] = path
        return descriptor

    def write(self, descriptor, data):
        self._note("write", self.names[descriptor])
        data = bytes(data[: self.write_most])
        if self.corrupt:
            data = bytes([data[0] ^ 1]) + data[1:]
        return os.write(descriptor, data)

    def read(self, descriptor, size):
        self._note("read", self.names[descriptor])
        return os.read(descriptor, size)

    def fsync(self, descriptor):
        self._note("fsync", self.names[descriptor])
        os.fsync(descriptor)

    def link(self, source, target):
        self._note("link", target)
        os.link(source, target)

    def rename(self, source, target):
        self._note("rename", target)
        os.rename(source, target)

    def replace(self, source, target):
        self._note("replace", target)
        os.replace(source, target)

    def unlink(self, path):
        self._note("unlink", path)
        os.unlink(path)


@pytest.fixture
def root(tmp_path):
    for folder in ("shards", "tmp"):
        (tmp_path / folder).mkdir()
    return tmp_path


@pytest.fixture
def recorder(monkeypatch):
    recorder = Recorder()
    monkeypatch.setattr(files, "os", recorder)
    return recorder


def violations(calls, root):
    """What is wrong with the order of system calls of one commit."""
    steps = [(call, "folder" if is_folder else place) for call, place, is_folder in calls]

    def at(call, place):
        return steps.index((call, place)) if (call, place) in steps else None

    needed = [("create", "tmp"), ("write", "tmp"), ("fsync", "tmp"), ("read", "tmp"), ("link", "shards"), ("fsync", "folder")]
    found = [f"no {call} of {place}" for call, place in needed if at(call, place) is None]
    order = [at(*step) for step in needed]
    if not found and order != sorted(order):
        found.append(f"order {steps}")
    if list((root / "tmp").iterdir()):
        found.append("tmp is not empty")
    return found


def test_a_commit_writes_syncs_reads_back_links_and_syncs_the_folder(root, recorder):
    assert files.commit_bytes(root, root / "shards" / "a.h5", DATA)
    assert violations(recorder.calls, root) == []
    assert (root / "shards" / "a.h5").read_bytes() == DATA


@pytest.mark.parametrize(
    ("step", "without"),
    [
        ("        os.fsync(descriptor)  # never", "        pass  # never"),
        ("            sync_folder(target.parent)\n        return won", "        return won"),
        ("        _read_back(tmp, data)\n", ""),
        ("        os.link(tmp, target)", "        os.replace(tmp, target)"),
        (
            "        with contextlib.suppress(OSError):  # renamed",
            "        with contextlib.suppress(OSError):\n            return #",
        ),
        (
            "        with _temporary(root, target, data) as tmp:\n            won",
            "        if tmp := target.with_suffix(''):\n            won",
        ),
    ],
)
def test_each_step_that_is_removed_is_missed(root, step, without):
    source = Path(files.__file__).read_text(encoding="utf-8")
    assert source.count(step) == 1
    mutant = types.ModuleType("mutant")
    exec(compile(source.replace(step, without), "mutant", "exec"), mutant.__dict__)
    mutant.os = recorder = Recorder()
    (root / "shards" / "a").write_bytes(DATA)  # for the mutant that forgets tmp/
    mutant.commit_bytes(root, root / "shards" / "a.h5", DATA)
    assert violations(recorder.calls, root)


def test_short_writes_are_continued(root, recorder):
    recorder.write_most = 7
    assert files.commit_bytes(root, root / "shards" / "a.h5", DATA)
    assert (root / "shards" / "a.h5").read_bytes() == DATA


def test_a_write_of_nothing_is_an_error_and_no_endless_loop(root, recorder):
    recorder.write_most = 0
    recorder.write = lambda descriptor, data: 0
    with pytest.raises(StoreError, match="input/output"):
        files.commit_bytes(root, root / "shards" / "a.h5", DATA)


def test_a_disk_that_writes_other_bytes_is_found_out_before_the_name_exists(root, recorder):
    recorder.corrupt = True
    with pytest.raises(StoreError, match="reads back other bytes"):
        files.commit_bytes(root, root / "shards" / "a.h5", DATA)
    assert not list(root.rglob("*.h5"))


def test_a_name_that_exists_is_left_alone_but_made_durable(root, recorder):
    (root / "shards" / "a.h5").write_bytes(b"theirs")
    assert not files.commit_bytes(root, root / "shards" / "a.h5", DATA)
    assert (root / "shards" / "a.h5").read_bytes() == b"theirs"
    assert ("fsync", root.name, True) in recorder.calls


def test_the_loser_of_the_link_says_so_and_cleans_up(root, recorder):
    def rival(source, target):
        Path(target).write_bytes(b"theirs")
        os.link(source, target)

    recorder.link = rival
    assert not files.commit_bytes(root, root / "shards" / "a.h5", DATA)
    assert (root / "shards" / "a.h5").read_bytes() == b"theirs"
    assert not list((root / "tmp").iterdir())


@pytest.mark.parametrize("error", [errno.EEXIST, errno.EIO, errno.ETIMEDOUT])
def test_a_link_whose_reply_was_lost_is_a_win(root, recorder, error):
    def lossy(source, target):
        os.link(source, target)
        raise OSError(error, "lost")

    recorder.link = lossy
    assert files.commit_bytes(root, root / "shards" / "a.h5", DATA)


def test_without_hard_links_the_name_is_made_by_renaming_unless_it_exists(root, recorder):
    recorder.fail = {"link": errno.ENOTSUP}
    assert files.commit_bytes(root, root / "shards" / "a.h5", DATA)
    assert (root / "shards" / "a.h5").read_bytes() == DATA
    assert not files.commit_bytes(root, root / "shards" / "a.h5", b"other")


@pytest.mark.parametrize("call", ["create", "write", "fsync", "link"])
@pytest.mark.parametrize(
    ("error", "words"),
    [
        (errno.ENOSPC, "no space"),
        (errno.EDQUOT, "quota"),
        (errno.EACCES, "permission"),
        (errno.EROFS, "read-only"),
        (errno.EIO, "disk"),
        (errno.ENOTDIR, "a file is where a folder is needed"),
    ],
)
def test_a_refusing_disk_is_one_sentence_with_the_path_and_an_empty_tmp(root, recorder, call, error, words):
    recorder.fail = {call: error}
    with pytest.raises(StoreError, match=words) as caught:
        files.commit_bytes(root, root / "shards" / "a.h5", DATA)
    assert str(root / "shards" / "a.h5") in str(caught.value)
    assert caught.value.errno == error
    assert not list(root.rglob("*.h5"))


def test_a_derived_file_is_replaced_at_once(root, recorder):
    for data in (b"old", b"new"):
        files.replace_bytes(root, root / "index.h5", data)
    assert (root / "index.h5").read_bytes() == b"new"
    calls = [call for call, _, _ in recorder.calls]
    assert calls.index("fsync") < calls.index("replace") < len(calls) - 1 - calls[::-1].index("fsync")


def test_links_pipes_and_folders_are_not_read(root):
    (root / "plain").write_bytes(DATA)
    (root / "link").symlink_to(root / "plain")
    os.mkfifo(root / "pipe")
    for name in ("link", "pipe", "shards"):
        with pytest.raises(CorruptStoreError, match="plain files only"):
            files.read_bytes(root / name)
    assert files.read_bytes(root / "plain") == DATA


def test_a_request_beyond_the_end_is_refused_before_memory_is_asked_for(root):
    (root / "plain").write_bytes(DATA)
    for offset, size in ((0, 1 << 60), (-1, 5), (len(DATA), 1), (5, -1)):
        with pytest.raises(CorruptStoreError, match="are asked for"):
            files.OpenFile(root / "plain").read(offset, size)


def test_a_missing_file_is_named(root):
    with pytest.raises(StoreNotFoundError, match=r"nothing\.h5"):
        files.read_bytes(root / "nothing.h5")


def test_short_reads_are_continued(root, recorder):
    (root / "plain").write_bytes(DATA)
    recorder.preadv = lambda descriptor, views, offset: os.preadv(descriptor, [views[0][:3]], offset)
    assert files.read_bytes(root / "plain") == DATA


def test_too_little_space_is_said_before_any_work(tmp_path):
    with pytest.raises(StoreError, match="MB are free"):
        files.check_writable(tmp_path / "not" / "there" / "yet", 1 << 60)
    files.check_writable(tmp_path / "not" / "there" / "yet", 1000)


def test_a_folder_that_may_not_be_written_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(files.os, "access", lambda *_: False)
    with pytest.raises(StoreError, match="permission denied"):
        files.check_writable(tmp_path)
