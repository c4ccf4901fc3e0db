import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from featurekit import open_store
from featurekit.cli import main
from tests.runs.making import rewrite


@pytest.fixture(autouse=True)
def matplotlib():
    return pytest.importorskip("matplotlib")


def run(*arguments, code=0):
    result = CliRunner().invoke(main, [str(item) for item in arguments])
    assert result.exit_code == code, (result.output, result.exception)
    return result.output


@pytest.fixture
def first(tiny_store):
    return open_store(tiny_store).ids[0]


def test_show_writes_pictures_and_prints_ranges(tiny_store, tiny_corpus, first, tmp_path):
    said = run("show", tiny_store, first, "-o", tmp_path, "--root", tiny_corpus)
    assert first in said.splitlines()[0]
    assert "spectral_centroid" in said
    assert "no waveform" not in said
    assert {"overview.png", "rms.png", "spectral_centroid.png"} <= {path.name for path in tmp_path.iterdir()}


def test_without_a_root_there_is_no_waveform_and_it_says_why(tiny_store, first, tmp_path, monkeypatch):
    monkeypatch.delenv("FEATUREKIT_CORPORA", raising=False)
    assert "no waveform: no folder of the corpus is known" in run("show", tiny_store, first, "-o", tmp_path)


def test_a_file_that_changed_is_not_drawn_beside_old_features(tiny_store, tiny_corpus, first, tmp_path):
    root = shutil.copytree(tiny_corpus, tmp_path / "root")
    item = open_store(tiny_store).manifest[first]
    with open(root / item.path, "ab") as file:
        file.write(b"\0")
    assert "not the file that was extracted" in run("show", tiny_store, first, "-o", tmp_path / "p", "--root", root)


def test_columns_can_be_chosen(tiny_store, first, tmp_path):
    run("show", tiny_store, first, "-o", tmp_path, "--features", "rms, mel32")
    assert {path.name for path in tmp_path.iterdir()} == {"overview.png", "rms.png", "mel32.png"}


def test_a_circle_of_links_is_no_file(tiny_store, first, tmp_path):
    item = open_store(tiny_store).manifest[first]
    path = tmp_path / "root" / item.path
    path.parent.mkdir(parents=True)
    path.symlink_to(path.name)
    assert "there is no file" in run("show", tiny_store, first, "-o", tmp_path / "p", "--root", tmp_path / "root", code=2)


def test_show_answers_in_json(tiny_store, first, tmp_path):
    record = json.loads(run("show", tiny_store, first, "-o", tmp_path, "--json"))
    assert record["utterance"]["id"] == first
    assert {"column", "dims", "unit", "rows", "min", "mean", "max"} <= record["columns"][0].keys()
    assert record["pictures"][0].endswith("overview.png")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["no/such/store", "a"], "there is nothing at"),
        (["{store}", "nobody"], "unknown utterance"),
        (["{store}", "{first}", "--features", "rmss"], "did you mean rms"),
        (["{store}", "{first}", "--root", "{folder}/nowhere"], "there is no file"),
    ],
)
def test_nonsense_is_one_sentence_and_status_two(arguments, said, tiny_store, first, tmp_path):
    filled = [item.format(store=tiny_store, first=first, folder=tmp_path) for item in arguments]
    assert said in run("show", *filled, "-o", tmp_path / "p", code=2)


def test_attention_is_a_picture_too(tiny_store, first, tmp_path):
    from featurekit.experiments import Run, RunSettings

    settings = RunSettings(str(tiny_store), "rnn-attention", "rms", training={"epochs": 1, "device": "cpu"})
    folder = Run(settings, runs=tmp_path / "runs").execute().folder
    record = json.loads(run("show", tiny_store, first, folder, "-o", tmp_path / "p", "--json"))
    assert record["pictures"][1].endswith("attention.png")
    assert record["words"] == []  # the demo's manifest has no word times
    assert (tmp_path / "p" / "attention.png").exists()


def iemocap_tree(root):
    """Two sessions of two actors, four turns each, with the corpus's own word alignment: a loud word between two soft ones."""
    import numpy as np
    import soundfile

    time = np.arange(16_000) / 16_000
    sound = 0.1 * np.sin(2 * np.pi * 300 * time) * np.where((time >= 0.4) & (time < 0.7), 5.0, 0.1)
    aligned = "\t SFrm  EFrm    SegAScr Word\n\t    0     9   -1 <s>\n\t   10    39   -1 SO\n\t   40    69   -1 GREAT(2)\n"
    aligned += "\t   70    94   -1 ++BREATHING++\n\t   95    99   -1 </s>\n Total score:   -5\n"
    for session in (1, 2):
        dialogue, lines = f"Ses0{session}F_impro01", []
        for place in range(8):
            turn = f"{dialogue}_{'FM'[place % 2]}{place:03d}"
            lines.append(f"[{place}.0 - {place}.9]\t{turn}\t{('ang', 'sad')[place // 2 % 2]}\t[3.0, 3.0, 3.0]\n")
            for folder, suffix in (("wav", "wav"), ("ForcedAlignment", "wdseg")):
                (root / f"Session{session}/sentences/{folder}/{dialogue}").mkdir(parents=True, exist_ok=True)
                path = root / f"Session{session}/sentences/{folder}/{dialogue}/{turn}.{suffix}"
                soundfile.write(path, sound, 16_000) if suffix == "wav" else path.write_text(aligned)
        labels = root / f"Session{session}/dialog/EmoEvaluation/{dialogue}.txt"
        labels.parent.mkdir(parents=True)
        labels.write_text("".join(lines))
    return root


def test_attention_is_seen_over_the_words_of_iemocaps_alignment(tmp_path):
    from featurekit.experiments import Run, RunSettings

    for name in ("soundfile", "soxr"):
        pytest.importorskip(name)
    how = ["--features", "rms", "-o", tmp_path / "s", "--backend", "serial"]
    run("extract", "--corpus", "iemocap", "--root", iemocap_tree(tmp_path / "IEMOCAP"), *how)
    settings = RunSettings(str(tmp_path / "s"), "rnn-attention", "rms", training={"epochs": 1, "device": "cpu"})
    folder = Run(settings, runs=tmp_path / "runs").execute().folder
    record = json.loads(run("show", tmp_path / "s", "Ses01F_impro01_F000", folder, "-o", tmp_path / "p", "--json"))
    texts, weights, bins = zip(*record["words"], strict=True)
    assert texts == ("SO", "GREAT", "[BREATHING]")
    assert set(bins) <= {1, 2, 3}
    assert all(weight > 0 for weight in weights)
    # What is heard differs in loudness alone, and so does what an LSTM of one epoch makes of it.
    assert len(set(weights)) == 3


def test_the_kernels_of_a_run_are_a_picture_a_width(tiny_store, first, tmp_path):
    from featurekit.experiments import Run, RunSettings

    def trained(model, **how):
        settings = RunSettings(str(tiny_store), model, training={"epochs": 1, "device": "cpu"}, **how)
        return Run(settings, runs=tmp_path / "runs").execute().folder

    small = {"channels": 4, "kernels": 5, "units": [3], "patches": 50, "sae_epochs": 1}
    folder = trained("sae-cnn-blstm", features="mel32", split="speaker-kfold(k=2)", hyper=small)
    record = json.loads(run("show", folder, "-o", tmp_path / "p", "--fold", "1", "--json"))
    assert record["kernels"] == {width: str(tmp_path / "p" / f"kernels-{width}.png") for width in ("3", "6", "10")}
    assert "5 kernels of 6 frames: " in run("show", folder, "-o", tmp_path / "p")
    assert all(Path(picture).stat().st_size > 1000 for picture in record["kernels"].values())
    assert "unknown fold 'no'" in run("show", folder, "--fold", "no", code=2)
    assert f"featurekit show STORE {first} {folder}" in run("show", folder, first, code=2)
    assert f"say which utterance: featurekit show {tiny_store} {first}" in run("show", tiny_store, code=2)
    other = trained("mlp-pool", features="rms")
    assert "mlp-pool has no kernels to draw" in run("show", other, "--fold", "0", code=2)
    assert "mlp-pool on demo: rms" in run("show", other)


def test_a_run_at_a_glance(tiny_store, tmp_path):
    out = tmp_path / "runs"
    said = ("train", tiny_store, "--model", "logistic", "--features", "rms", "--epochs", "2", "--device", "cpu", "-o", out)
    run(*said, "--split", "speaker-kfold(k=2)", "--positive", "negative")
    (folder,) = out.iterdir()
    record = json.loads(run("show", folder, "--json"))
    assert record["finished"] is True
    assert record["monitor"] == "wa"
    assert record["begun"].keys() == {"started", "host", "command"}
    assert [fold["parameters"] for fold in record["folds"]] == [{"all": 6, "trained": 6}] * 2  # 3 classes x (1 dimension + 1)
    assert all(0 <= fold["at_best"]["train_wa"] <= 1 for fold in record["folds"])
    assert {"loss", "binary_f1", "loss_by_gender"} <= record["test"].keys()
    assert record["test"]["positive"] == "negative"
    text = run("show", folder)
    for words in (
        "6 parameters, 6 of them trained",
        "train WA",
        "dev WA",
        "F1 of negative",
        "begun 20",
        "by dev WA",
        "in fp32",
    ):
        assert words in text, text


@pytest.mark.parametrize(
    ("model", "how", "said"),
    [
        (
            "logistic",
            {"split": "random(dev=0)", "allow_speaker_overlap": True},
            "  there is no dev part: the last epoch is kept",
        ),
        ("naive-bayes", {}, "  fitted in one step"),
    ],
)
def test_no_measure_on_dev_is_named_where_none_chose_the_epoch(model, how, said, tiny_store, tmp_path):
    from featurekit.experiments import Run, RunSettings

    if model == "naive-bayes":
        pytest.importorskip("sklearn")
    training = {"epochs": 1, "device": "cpu"}
    folder = Run(RunSettings(str(tiny_store), model, "rms", training=training, **how), runs=tmp_path).execute().folder
    text = run("show", folder)
    assert said in text.splitlines()
    assert "chosen by" not in text


def test_a_damaged_run_is_one_sentence_that_names_the_file(tiny_store, tmp_path):
    from featurekit.experiments import Run, RunSettings

    settings = RunSettings(str(tiny_store), "logistic", "rms", training={"epochs": 1, "device": "cpu"})
    folder = Run(settings, runs=tmp_path).execute().folder
    predictions = folder / "folds" / "0" / "predictions.jsonl"
    whole, record = predictions.read_text(), json.loads((folder / "run.json").read_text())
    for text in ("", "{}\n", whole[:-20]):
        predictions.write_text(text)
        assert f"{predictions} is damaged" in run("show", folder, code=2).replace("\n", "")
    predictions.write_text(whole)
    del record["split"], record["verdict"]
    (folder / "run.json").write_text(json.dumps(record))
    said = run("show", folder, code=2).replace("\n", "")
    assert str(folder / "run.json") in said


def test_a_run_of_an_earlier_version_is_shown_without_what_it_did_not_keep(tiny_store, tmp_path):
    from featurekit.experiments import Run, RunSettings

    settings = RunSettings(str(tiny_store), "logistic", "rms", training={"epochs": 1, "device": "cpu", "monitor": "ua"})
    folder = Run(settings, runs=tmp_path / "runs").execute().folder
    record = json.loads((folder / "run.json").read_text())
    del record["begun"], record["training"]["monitor"], record["settings"]["positive"]
    rewrite(folder / "run.json", record)
    facts = json.loads((folder / "folds" / "0" / "model.json").read_text())
    for name in ("parameters", "precision", "started", "host"):
        del facts[name]
    del facts["history"][0]["train_wa"]
    rewrite(folder / "folds" / "0" / "model.json", facts)
    text = run("show", folder)
    assert "logistic on demo: rms" in text
    assert "begun" not in text
    assert "train WA" not in text
    assert "the epoch is chosen by dev UA" in text
    assert "UA" in run("evaluate", folder)
    assert Run(settings, runs=tmp_path / "runs").folder == folder  # the same run still


def test_attention_is_drawn_on_the_spectrogram_the_run_reads_or_another_one():
    from types import SimpleNamespace

    from featurekit.cli.show import _as_background

    columns = [("states", "asr_encoder(layer=2)", 384), ("fbank", "fbank()", 80), ("mel", "mel()", 256), ("rms", "rms()", 1)]
    infos = [SimpleNamespace(name=name, spec=spec, dims=dims) for name, spec, dims in columns]

    def chosen(read, among=infos):
        return max(among, key=lambda info: _as_background(info, read)).name

    assert chosen({"fbank"}) == "fbank"
    assert chosen({"states"}) == "mel"
    assert chosen({"rms"}, [infos[0], infos[3]]) == "rms"
