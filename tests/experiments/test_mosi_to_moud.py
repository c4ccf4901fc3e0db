"""Train on MOSI's two classes, test on MOUD's, from their folder trees to the score, as in Table 6 of Luo et al. (2019)."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from featurekit.cli import main
from featurekit.errors import ParameterError
from featurekit.experiments import Run, RunSettings

RATE = 16_000
SENTIMENTS = ("negative", "neutral", "positive")
SCORES = {"negative": -1.4, "neutral": 0.0, "positive": 1.8}
PITCHES_HZ = {"negative": 200.0, "neutral": 3000.0, "positive": 2000.0}
COLUMNS = "rms,spectral_centroid"


def run(*arguments):
    result = CliRunner().invoke(main, [str(item) for item in arguments])
    assert result.exit_code == 0, (result.output, result.exception)
    return result.stdout if "--json" in arguments else result.output


def video(path, said, rng):
    """Half a second of a tone for each sentiment, with a little noise."""
    soundfile = pytest.importorskip("soundfile")
    pytest.importorskip("soxr")
    path.parent.mkdir(parents=True, exist_ok=True)
    time = np.arange(RATE // 2) / RATE
    sounds = [0.1 * np.sin(2 * np.pi * PITCHES_HZ[word] * time) + 0.002 * rng.standard_normal(len(time)) for word in said]
    soundfile.write(path, np.concatenate(sounds), RATE)


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    """Both corpora in their real trees, extracted: eight videos of MOSI, three of MOUD."""
    folder, rng = tmp_path_factory.mktemp("luo"), np.random.default_rng(0)
    mosi, moud = folder / "MOSI", folder / "MOUD"
    rows = []
    for name in map("video{}".format, range(8)):
        # A score of 0 belongs to MOSI's second class, so it sounds like it here.
        said = ["negative", "positive", "negative", "positive"]
        video(mosi / "Raw" / "Audio" / "WAV_16000" / "Full" / f"{name}.wav", said, rng)
        scores = [SCORES["neutral"] if place == 1 else SCORES[word] for place, word in enumerate(said)]
        rows += [f"{place / 2},{(place + 1) / 2},{name},{place + 1},{score}" for place, score in enumerate(scores)]
    (mosi / "OpinionLevelSentiment.csv").write_text("\n".join(rows) + "\n")
    rows = ["video,segment,start,end,sentiment"]
    for name in ("v1", "v2", "v3"):
        video(moud / "audio" / f"{name}.wav", SENTIMENTS, rng)
        rows += [f"{name},{place + 1},{place / 2},{(place + 1) / 2},{word}" for place, word in enumerate(SENTIMENTS)]
    (moud / "labels.csv").write_text("\n".join(rows) + "\n")
    for corpus, root in (("mosi", mosi), ("moud", moud)):
        run("extract", "--corpus", corpus, "--root", root, "--features", COLUMNS, "-o", folder / corpus, "--backend", "serial")
    return folder


def test_mosi_is_tested_on_both_classes_of_moud(stores, tmp_path):
    two = ["--task", "sentiment2", "--test-task", "moud2", "--map", "mosi-moud"]
    how = ["--model", "svm", "--features", COLUMNS, "--device", "cpu", "-o", tmp_path, *two]
    said = " ".join(run("train", stores / "mosi", "--test-store", stores / "moud", *how).split())
    assert "3 of 9 utterances of moud are left out by task moud2: neutral (3)" in said
    assert "classes by map mosi-moud: non-negative → positive" in said
    (folder,) = [path.parent for path in tmp_path.glob("*/metrics.json")]
    metrics = json.loads((folder / "metrics.json").read_text())
    assert metrics["over"]["classes"] == metrics["classes"] == ["negative", "positive"]
    assert metrics["over"]["left_out"] == {"mosi": {}, "moud": {"neutral": 3}}
    pooled = metrics["pooled"]
    assert (metrics["n"], pooled["unweighted_accuracy"]) == (6, 1.0)
    assert {name: row["support"] for name, row in metrics["per_class"].items()} == {"negative": 3, "positive": 3}
    split = json.loads((folder / "split.json").read_text())["folds"][0]
    assert (len(split["train"]) + len(split["dev"]), len(split["test"])) == (32, 6)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"test_task": "moud2"}, r"moud has no non-negative \(16\) of mosi, .*; mosi has no positive \(3\) of moud"),
        ({"test_task": "sentiment", "map": "mosi-moud"}, "map mosi-moud has no class for 'neutral' of task sentiment"),
    ],
)
def test_a_class_without_a_counterpart_is_refused(stores, settings, message):
    with pytest.raises(ParameterError, match=message):
        Run(
            RunSettings(
                store=str(stores / "mosi"),
                test_store=str(stores / "moud"),
                model="svm",
                features=COLUMNS,
                task="sentiment2",
                **settings,
            )
        )
