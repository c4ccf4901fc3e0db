"""The tour of README.md, run as it stands there from a fresh clone."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LIMIT_S = 300
# What these lines do is done before the tour: the clone is there, and the environment of the tests is the tour's.
DONE_BEFORE = re.compile(
    r"git clone |cd featurekit\b|python\S* -m venv |source |\. \.venv|pip install |python\S* -m pip install "
)


def block_of_the_tour(text):
    """The first block of shell commands below the heading that says tour; a later one needs real corpora."""
    tour = re.search(r"^#+ [^\n]*\btour\b[^\n]*\n(.*)", text, re.DOTALL | re.MULTILINE | re.IGNORECASE)[1]
    return re.search(r"^```(?:bash|sh|shell)?[ \t]*\n(.*?)^```", tour, re.DOTALL | re.MULTILINE)[1]


def test_the_first_block_below_the_tour_is_taken():
    text = "# x\n```\nmake demo\n```\n## Five-minute tour\nFirst:\n```bash\nls\ncd featurekit\n```\n```\nlater\n```\n"
    assert block_of_the_tour(text) == "ls\ncd featurekit\n"


@pytest.mark.ci
def test_the_tour_of_the_readme_runs_within_five_minutes_from_a_fresh_clone(tmp_path):
    lines = block_of_the_tour((ROOT / "README.md").read_text(encoding="utf-8")).splitlines()
    script = "\n".join(line for line in lines if not DONE_BEFORE.match(line))
    clone = tmp_path / "featurekit"
    subprocess.run(["git", "clone", "--quiet", ROOT, clone], check=True)
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(clone),  # before the checkout that the environment is installed from
    }
    # A reader's machine uses all of its cores.
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS", "CI"):
        environment.pop(variable, None)
    start = time.monotonic()
    done = subprocess.run(
        ["bash", "-e", "-u", "-x", "-o", "pipefail", "-c", script],
        cwd=clone,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=3 * LIMIT_S,
    )
    assert done.returncode == 0, done.stdout
    assert time.monotonic() - start < LIMIT_S, done.stdout
    check_what_is_shown((ROOT / "README.md").read_text(encoding="utf-8"), done.stdout)


def check_what_is_shown(readme, output):
    """The README's example of an output is what the tour prints; another processor may decide a few utterances otherwise."""
    shown = re.search(r"^```text\n(.*?)^```", readme, re.DOTALL | re.MULTILINE)[1].splitlines()
    printed = output[output.index("\n+ featurekit train") :].splitlines()
    start = next(place for place, line in enumerate(printed) if line == shown[0])
    for wanted, line in zip(shown, printed[start:], strict=False):
        assert re.sub(r"[\d.]+", "", wanted).split() == re.sub(r"[\d.]+", "", line).split()
    scores = [[float(number) for number in re.findall(r"[\d.]+", lines[1])] for lines in (shown, printed[start:])]
    assert scores[0] == pytest.approx(scores[1], abs=2)
