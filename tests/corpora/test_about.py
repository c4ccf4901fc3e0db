"""What the owner says of a corpus: from corpus.toml or by options, on the card and in the store."""

from __future__ import annotations

import json

import numpy as np
import pytest
from click.testing import CliRunner

from featurekit.cli import main
from featurekit.corpora import about
from featurekit.errors import ParameterError, UnknownNameError
from featurekit.experiments import Run, RunSettings
from featurekit.store import open_store


def run(*arguments):
    result = CliRunner().invoke(main, [str(item) for item in arguments])
    assert result.exit_code == 0, (result.output, result.exception)
    return result.stdout


def test_the_file_says_it_and_options_say_it_over_the_file(tmp_path):
    assert about(tmp_path) == {}
    (tmp_path / "corpus.toml").write_text('[corpus]\nname = "My speech"\nlicence = "CC0"\n', encoding="utf-8")
    assert about(tmp_path, {"licence": "CC BY 4.0", "source": "a studio", "language": None}) == {
        "name": "My speech",
        "licence": "CC BY 4.0",
        "source": "a studio",
    }


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("name = 'x'", ParameterError, r"corpus.toml: expected a table \[corpus\]"),
        ("[corpus]\nlicense = 'x'", UnknownNameError, "did you mean licence"),
        ("[corpus]\nname = 3", ParameterError, "name"),
        ("[corpus", ParameterError, "is not TOML"),
    ],
)
def test_a_file_that_says_something_else_is_refused(tmp_path, text, error, message):
    (tmp_path / "corpus.toml").write_text(text, encoding="utf-8")
    with pytest.raises(error, match=message):
        about(tmp_path)


def test_a_card_carries_it_and_so_does_what_is_extracted_later(tmp_path):
    soundfile = pytest.importorskip("soundfile")
    root, store = tmp_path / "mine", tmp_path / "store"
    root.mkdir()
    soundfile.write(root / "a.wav", np.sin(np.arange(8000) / 10), 16000)
    (root / "manifest.csv").write_text("path,label,speaker\na.wav,sad,ann\n", encoding="utf-8")
    extract = ["extract", "--root", root, "--backend", "serial", "-o", store]
    run(*extract, "--features", "rms")
    plain = open_store(store)
    assert plain.head.about == {}
    assert "about" not in json.loads((store / "heads" / "1.json").read_bytes())
    run(
        *extract, "--features", "rms", "--name", "My speech", "--licence", "CC0", "--language", "de, en", "--source", "a studio"
    )
    run(*extract, "--features", "zcr")  # says nothing, and takes nothing away
    opened = open_store(store)
    assert opened.head.about == {"name": "My speech", "licence": "CC0", "language": "de, en", "source": "a studio"}
    card = run("card", store)
    for line in ("# My speech: features", "* Licence: CC0", "* Language: de; en", "* Get the audio: a studio"):
        assert line in card.splitlines()
    described = tmp_path / "croissant.json"
    run("card", store, "--croissant", described, "-o", tmp_path / "card.md")
    assert json.loads(described.read_bytes())["inLanguage"] == ["de", "en"]


def test_a_run_records_it(tmp_path):
    soundfile = pytest.importorskip("soundfile")
    root, store = tmp_path / "mine", tmp_path / "store"
    root.mkdir()
    rows = [(f"{speaker}{label}.wav", label, speaker) for speaker in "abcdef" for label in ("sad", "glad")]
    for number, (path, _, _) in enumerate(rows):
        soundfile.write(root / path, np.sin(np.arange(8000) / (10 + number)), 16000)
    (root / "manifest.csv").write_text("\n".join(map(",".join, [("path", "label", "speaker"), *rows])), encoding="utf-8")
    (root / "corpus.toml").write_text('[corpus]\nlicence = "CC0"\n', encoding="utf-8")
    run("extract", "--root", root, "--backend", "serial", "-o", store, "--features", "rms")
    settings = RunSettings(store=str(store), model="logistic", features="rms", split="speaker-kfold(k=3, dev=0)")
    assert Run(settings, runs=tmp_path / "runs").record().about == {"licence": "CC0"}
