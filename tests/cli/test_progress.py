import re
import subprocess
import sys
import threading

import pytest

from featurekit.cli import main, progress


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands; its first entry is the time."""
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def test_a_log_gets_a_line_now_and_then_not_a_bar(capsys, clock):
    bar = progress.Bar(1000, "extracting", "utterances")
    for _ in range(100):
        clock[0] += 1.0
        bar.advance(10, "9 × real time")
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "extracting: 300 of 1,000 utterances, 30 s, 9 × real time"
    assert len(lines) == 3


def test_a_terminal_gets_a_bar_at_once_and_a_clean_line_afterwards(capsys, monkeypatch):
    monkeypatch.setattr(progress.sys.stderr, "isatty", lambda: True)
    with progress.Bar(2, "extracting", "utterances") as bar:
        assert "extracting   0% " in capsys.readouterr().err
        bar.advance(1)
        bar.advance(1)
    assert re.search(r"\r +\r$", capsys.readouterr().err)


def test_a_bar_starts_no_thread_so_that_workers_can_be_forked(monkeypatch):
    monkeypatch.setattr(progress.sys.stderr, "isatty", lambda: True)
    before = threading.active_count()
    with progress.Bar(2, "extracting", "utterances"):
        assert threading.active_count() == before


@pytest.mark.parametrize("columns", [20, 40, 50, 79, 120])
@pytest.mark.parametrize(("total", "done"), [(1_440, 0), (1_440, 1), (1_440, 900), (20_000_000, 19_999_999), (None, 35)])
def test_a_bar_fits_its_terminal_and_says_no_nonsense(clock, columns, total, done):
    bar = progress.Bar(total, "extracting", "utterances")
    clock[0] = 500.0
    bar.advance(done, "28 × real time")
    line = bar.line(columns)
    assert len(line) <= columns
    assert line.startswith("extracting")
    assert not re.search(r"\?|\b0 per second|\b0\.0", line)


def test_what_matters_most_is_shown_where_there_is_little_place(clock):
    bar = progress.Bar(1_440, "extracting", "utterances")
    clock[0] = 100.0
    bar.advance(720, "28 × real time")
    assert bar.line(49) == "extracting  50% 720 of 1,440, 1 min 40 s left"
    assert bar.line(79) == "extracting  50% ███░░░ 720 of 1,440 utterances, 1 min 40 s left, 28 × real time"
    whole = "720 of 1,440 utterances, 1 min 40 s left, 28 × real time, 7.2 per second"
    assert bar.line(120) == f"extracting  50% {'█' * 12}{'░' * 12} {whole}"
    assert bar.line(12) == "extracting  "


def test_the_time_to_go_leaves_out_what_was_done_before(clock):
    share = progress.Share("abcd")
    clock[0] = 100.0
    share.reach("a", 0.5)  # it goes on after an interruption
    assert share.to_go_s is None
    share.reach("a", 1.0)
    assert share.to_go_s == 600.0  # half a piece in 100 s, three are left
    share.reach("b", 1.0)  # in one step
    assert share.share == 0.5
    assert share.to_go_s == pytest.approx(100 * 2 / 1.5)
    share.reach("unknown", 1.0)
    for piece in "cd":
        share.reach(piece, 1.0)
    assert share.is_all


def test_a_status_line_fits_and_leaves_the_last_out_first(capsys, monkeypatch):
    monkeypatch.setattr(progress.sys.stderr, "isatty", lambda: True)
    line = progress.StatusLine()
    line.draw("fold 0, epoch 1 of 9, about 2 min 3 s to go, loss 1.234", 0.5)
    assert line.line(49) == " 50% ███░░░░ fold 0, epoch 1 of 9"
    assert line.line(65).endswith("fold 0, epoch 1 of 9, about 2 min 3 s to go")
    line.clear()
    assert re.search(r"\r +\r$", capsys.readouterr().err)


def test_slow_work_has_a_time_each_not_a_rate_of_zero(clock):
    bar = progress.Bar(10, "fold 1", "epochs")
    clock[0] = 100.0
    bar.advance(2)
    assert "6 min 40 s left, 50 s each" in bar.line(100)


@pytest.mark.parametrize("verb", ["extract", "train", "leak"])
def test_a_slow_verb_says_a_line_before_it_imports_what_takes_seconds(verb):
    code = (
        "import sys, featurekit.cli as cli\n"
        "heavy = {'numpy', 'torch', 'h5py', 'numba', 'librosa'}\n"
        "cli.progress.starting = lambda *words: sys.exit(f'{words} {heavy & set(sys.modules)}')\n"
        f"cli.main([{verb!r}, 'something'])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert f"('{verb}', " in done.stderr
    assert done.stderr.strip().endswith("set()")


def test_help_starts_nothing(monkeypatch, capsys):
    monkeypatch.setattr(progress.sys.stderr, "isatty", lambda: True)
    with pytest.raises(SystemExit):
        main(["extract", "--help"])
    assert "looking at the corpus" not in capsys.readouterr().err
