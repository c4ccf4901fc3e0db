"""A terminal that is not UTF-8 ends no command: what it lacks is replaced by readable ASCII."""

import json
import os
import subprocess
import sys

import pytest

from featurekit.cli import VERBS
from featurekit.cli.characters import plain
from featurekit.cli.lists import KINDS

NAMES = ["mfcc", "luo2019", "ravdess", "emotion", "loso", "mixup", "noise", "ub-bilstm", "luo2019/sbcnn-resnet152"]
MANY = [[verb, "--help"] for verb in VERBS] + [["list", kind] for kind in KINDS] + [["explain", name] for name in NAMES]

# One process for all commands: most of the time is spent starting.
CODE = """
import json, sys
from featurekit.cli import main
for arguments in json.loads(sys.argv[1]):
    try:
        main(arguments)
    except SystemExit as end:
        if end.code:
            print("STATUS", arguments, end.code)
"""


def printed(encoding, commands, code=CODE):
    environment = {**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}
    return subprocess.run([sys.executable, "-c", code, json.dumps(commands)], capture_output=True, env=environment, check=True)


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_every_help_list_and_explanation_can_be_printed(encoding):
    done = printed(encoding, [["--help"], *MANY])
    text = done.stdout.decode(encoding)
    assert done.stderr == b""
    assert "STATUS" not in text
    assert text.count("Usage:") == 1 + len(VERBS)
    assert "->" in text


def test_an_extraction_can_be_printed(tiny_corpus, tmp_path):
    how = ["--root", str(tiny_corpus), "--features", "rms", "--backend", "serial", "-o", str(tmp_path / "b")]
    words = ["extract", "--corpus", "demo", *how]
    done = printed("ascii", [[*words, "--dry-run"], words])
    text = done.stdout.decode("ascii")
    assert "STATUS" not in text
    assert "-> " in text
    assert "36 utterances" in text
    assert " x real time" in text
    assert "Error" not in done.stderr.decode("ascii")


def test_errors_and_tracebacks_can_be_printed():
    code = CODE + "\nsys.stderr.write('bar 3 \\u00d7 5 \\u2026\\n'); raise ValueError('\\u2192 \\u4e2d')"
    done = subprocess.run(
        [sys.executable, "-c", code, json.dumps([["explain", "Müller×"]])],
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        check=False,
    )
    text = done.stderr.decode("ascii")
    assert "'Mullerx'" in text
    assert "bar 3 x 5 ..." in text
    assert "ValueError: -> ?" in text


def test_json_loses_nothing():
    code = "import featurekit.cli.lists as lists; lists._LISTS['tasks'] = lambda: {'é': '“中” × 2'}\n" + CODE
    done = printed("ascii", [["list", "tasks", "--json"]], code)
    assert json.loads(done.stdout.decode("ascii")) == {"é": "“中” × 2"}


def test_a_files_name_that_is_no_text_goes_out_as_its_bytes():
    done = printed(
        "utf-8", [], CODE + "\nfrom featurekit.cli.characters import make_readable\nmake_readable(); print('\\udce9')"
    )
    assert done.stdout == b"\xe9\n"


@pytest.mark.parametrize("text", ["“quoted”", "\\ stays", "½ of it", "naïve", "→", "＂"])
def test_what_replaces_is_ascii_and_means_nothing_in_json(text):
    said = plain(text)
    assert said.isascii()
    assert '"' not in said
    assert said.count("\\") == text.count("\\")
