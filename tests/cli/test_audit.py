"""The verb on splits of ours and of others; EmoBox's EMO-DB folds in miniature, as its repository lays them out."""

import csv
import json
import os
import shutil

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from featurekit import corpora, data, extraction, store
from featurekit.cli import main
from featurekit.corpora.emodb import GENDERS
from tests.runs.making import rewrite

PER_SPEAKER = ("a01Fa", "a01Fb", "a01Na", "a02Fa", "a02Na")  # no sentence belongs to one emotion


def run(*arguments, code=0):
    result = CliRunner().invoke(main, [str(item) for item in arguments])
    assert result.exit_code == code, (result.output, result.exception)
    return result.output


def as_json(*arguments, code=0):
    return json.loads(run("audit", *arguments, "--json", code=code))


@pytest.fixture
def emodb(tmp_path):
    """EMO-DB's names, ten speakers of five files; the audit needs no sound."""
    (tmp_path / "EmoDB" / "wav").mkdir(parents=True)
    for speaker in GENDERS:
        for name in PER_SPEAKER:
            (tmp_path / "EmoDB" / "wav" / f"{speaker}{name}.wav").write_bytes(b"")
    return tmp_path / "EmoDB"


@pytest.fixture
def emobox(emodb, tmp_path):
    """EmoBox/data/emodb: the metadata, and five random folds in which all ten speakers train and are tested."""
    folder = tmp_path / "EmoBox" / "data" / "emodb"
    folder.mkdir(parents=True)
    lines = {
        path.stem: json.dumps(
            {
                "key": f"emodb-{path.stem}",
                "dataset": "emodb",
                "wav": f"downloads/emodb/wav/{path.name}",
                "type": "raw",
                "emo": "x",
            }
        )
        for path in sorted((emodb / "wav").iterdir())
    }
    (folder / "emodb.jsonl").write_text("\n".join(lines.values()) + "\n")
    for fold in range(5):
        tested = {f"{speaker}{PER_SPEAKER[fold]}" for speaker in GENDERS}
        here = folder / f"fold_{fold + 1}"
        here.mkdir()
        for part in ("train", "test"):
            rows = [line for name, line in lines.items() if (name in tested) is (part == "test")]
            (here / f"emodb_{part}_fold_{fold + 1}.jsonl").write_text("\n".join(rows) + "\n")
    return folder


def test_all_ten_speakers_of_emoboxs_emodb_folds_are_found(emobox, emodb):
    said = run("audit", emobox, "--corpus", "emodb", "--root", emodb, code=1)
    assert "SPEAKERS OVERLAP between parts in 5 of 5 folds: 10 of 10 speakers of test are in train" in said
    record = as_json(emobox, "--corpus", "emodb", "--root", emodb, code=1)
    found = [finding for finding in record["findings"] if finding["kind"] == "speaker"]
    assert [(finding["count"], finding["of"]) for finding in found] == [(10, 10)] * 5


def test_without_a_corpus_that_names_speakers_the_folder_speaks_for_itself_and_says_what_it_cannot_know(emobox):
    said = run("audit", emobox)
    assert "utterance-disjoint only: every recording is one utterance and speakers are unknown" in said


def test_a_csv_of_ids_and_a_manifest(emodb, tmp_path):
    manifest = corpora.read_corpus("emodb", emodb)
    manifest.write(tmp_path / "m.jsonl")
    rows = [f"{item.id},{'test' if item.speaker in ('03', '08') else 'train'}" for item in manifest]
    (tmp_path / "folds.csv").write_text("id,part\n" + "\n".join(rows) + "\n")
    said = run("audit", tmp_path / "folds.csv", "--manifest", tmp_path / "m.jsonl")
    assert "speaker-disjoint; 2 sentences shared by design; audio not checked" in said
    (tmp_path / "odd.csv").write_text("id,part\nnobody,test\n" + rows[0] + "\n")
    assert "lacks 1 of 2 utterances: nobody" in run("audit", tmp_path / "odd.csv", "--manifest", tmp_path / "m.jsonl", code=2)


def test_lhotse_cuts_name_their_own_speakers(tmp_path):
    def cut(name, speaker):
        recording = {"id": name, "sources": [{"type": "file", "channels": [0], "source": f"{name}.wav"}]}
        part = {"id": f"{name}-s", "recording_id": name, "start": 0.0, "duration": 1.0, "speaker": speaker, "text": ""}
        return json.dumps(
            {"id": name, "start": 0.0, "duration": 1.0, "channel": 0, "supervisions": [part], "recording": recording}
        )

    (tmp_path / "cuts_train.jsonl").write_text("\n".join([cut("a", "anna"), cut("b", "ben")]) + "\n")
    (tmp_path / "cuts_test.jsonl").write_text(cut("c", "anna") + "\n")
    assert "1 of 1 speaker of test is in train: anna" in run("audit", tmp_path, code=1)


def test_a_split_of_ours_against_its_store(tiny_store, tmp_path):
    opened = store.open_store(tiny_store)
    task = data.get_task("sentiment3", opened.manifest)
    clean = data.make_split("speaker-disjoint", opened.manifest, task)
    clean.write(tmp_path / "clean.json")
    assert as_json(tmp_path / "clean.json", tiny_store)["ok"] is True
    assert as_json(tiny_store, tmp_path / "clean.json")["ok"] is True  # in either order
    assert "--test-store" in run("audit", tiny_store, tiny_store, code=2)
    assert "note: --store is now positional" in run("audit", tmp_path / "clean.json", "--store", tiny_store)
    data.make_split("random", opened.manifest, task, allow_speaker_overlap=True).write(tmp_path / "random.json")
    record = as_json(tmp_path / "random.json", tiny_store, code=1)
    assert {finding["kind"] for finding in record["findings"] if finding["severity"] == "leak"} >= {"speaker"}


def test_audio_is_computed_where_asked_for_and_finds_a_copy_under_another_codec(tiny_corpus, tmp_path, monkeypatch):
    """One recording again, as Vorbis, 50 ms later and quieter, under another name and speaker."""
    monkeypatch.chdir(tmp_path)
    root = tmp_path / "mine"
    root.mkdir()
    paths = sorted(tiny_corpus.rglob("*.flac"))[:6]
    for number, path in enumerate(paths):
        signal, rate = soundfile.read(path)
        soundfile.write(root / f"{number}.wav", signal, rate)
    signal, rate = soundfile.read(root / "0.wav")
    soundfile.write(root / "copy.ogg", 0.3 * signal[rate // 20 :], rate)
    lines = [f"{number}.wav,x,s{number}" for number in range(6)] + ["copy.ogg,x,s9"]
    (root / "labels.csv").write_text("path,label,speaker\n" + "\n".join(lines) + "\n")
    manifest = corpora.read_corpus("custom", root, manifest=root / "labels.csv")
    manifest.write(tmp_path / "m.jsonl")
    (tmp_path / "folds.csv").write_text("id,part\n0,train\n1,train\n2,train\n3,train\n4,test\n5,test\ncopy,test\n")
    how = [tmp_path / "folds.csv", "--corpus", "custom", "--root", root, "--manifest", "labels.csv"]
    assert as_json(*how)["checked"]["audio"] == "not checked"
    record = as_json(*how, "--audio", code=1)
    assert record["checked"]["audio"] == "checked"
    (leak,) = (finding for finding in record["findings"] if finding["severity"] == "leak")
    assert (leak["kind"], leak["count"]) == ("near-duplicate", 1)
    assert leak["examples"][0].startswith("0 and copy (")
    bare = [tmp_path / "folds.csv", "--manifest", tmp_path / "m.jsonl", "--audio"]
    assert "--audio needs the audio of custom" in run("audit", *bare, code=2)  # nobody said where it is
    extraction.build_store(manifest, root=root, out=tmp_path / "s", columns="audio_fingerprint", backend="serial")
    assert "1 group of near-duplicate audio: keep each in one part" in run("audit", tmp_path / "s")


def test_what_cannot_be_audited_is_refused(tmp_path, tiny_store):
    assert "there is nothing at" in run("audit", tmp_path / "no", code=2)
    assert "ravdess is a corpus: give --corpus ravdess" in run("audit", "ravdess", code=2)
    (tmp_path / "wavs").mkdir()
    assert "neither lhotse cuts nor EmoBox's lines" in run("audit", tmp_path / "wavs", code=2)
    assert "--audio needs the audio of demo" in run("audit", tiny_store, "--audio", code=2)
    (tmp_path / "split.json").write_text("{}")
    assert "a STORE after it, --manifest, or --corpus" in run("audit", tmp_path / "split.json", code=2)
    assert "lacks" in run("audit", tmp_path / "split.json", tiny_store, code=2)
    split = data.Split("given", (data.Fold("0", (), (), ()),), {}, "manifest", True, "")
    split.write(tmp_path / "empty.json")
    assert "nothing to audit" in run("audit", tmp_path / "empty.json", tiny_store, code=2)
    other = data.Split("given", (data.Fold("0", ("x",), (), ("y",)),), {}, "manifest", True, "")
    other.write(tmp_path / "other.json")
    assert "another manifest" in run("audit", tmp_path / "other.json", tiny_store, code=2)


def test_a_run_is_audited_with_what_it_was_fitted_on(tiny_store, tmp_path):
    from featurekit.experiments import Run, RunSettings

    training = {"epochs": 1, "device": "cpu", "n_frames": 40}
    settings = RunSettings(store=str(tiny_store), model="ub-bilstm", features="rms", training=training)
    folder = Run(settings, runs=tmp_path).execute().folder
    assert as_json(folder)["ok"] is True
    assert as_json(folder / "split.json")["verdict"] == json.loads((folder / "metrics.json").read_text())["split"]["verdict"]
    facts = json.loads((folder / "folds" / "0" / "model.json").read_text())
    facts["normaliser"] |= {"ids_digest": "0" * 64, "n_ids": 36}
    rewrite(folder / "folds" / "0" / "model.json", facts)
    said = run("audit", folder, code=1)
    assert "the normaliser was fitted on 36 utterances that are not the" in said


def test_a_run_on_two_stores_is_audited_over_both(tiny_store, tmp_path):
    from featurekit.experiments import Run, RunSettings

    other = shutil.copytree(tiny_store, tmp_path / "other")
    settings = RunSettings(store=str(tiny_store), test_store=str(other), model="ub-bilstm", features="rms")
    run_of_two = Run(settings, runs=tmp_path)
    run_of_two.begin()  # nothing needs to be trained
    record = as_json(run_of_two.folder, code=1)
    assert {finding["kind"] for finding in record["findings"] if finding["severity"] == "leak"} == {"same-audio"}


def test_a_learnt_column_is_judged_where_it_is_read_and_else_listed(tiny_store, tmp_path):
    from featurekit import inference
    from featurekit.experiments import Run, RunSettings

    path = shutil.copytree(tiny_store, tmp_path / "store")
    quick = {"store": str(path), "model": "mlp-pool", "features": "rms", "training": {"epochs": 1, "device": "cpu"}}
    folder = Run(RunSettings(**quick, split="speaker-kfold(k=2)"), runs=tmp_path).execute().folder
    (column,) = inference.embed(folder, path, device="cpu").columns

    def severities(*arguments, code):
        found = as_json(*arguments, code=code)["findings"]
        return {finding["severity"] for finding in found if finding["kind"] == "embedding"}

    assert severities(folder, code=0) == {"note"}  # the run reads rms alone
    assert severities(folder / "split.json", path, "--features", "rms", code=0) == {"note"}
    assert severities(folder / "split.json", path, "--features", column, code=1) == {"leak", "warning"}  # test, dev


def test_two_stores_are_audited_as_one_is_tested_on_the_other(tiny_store, tmp_path):
    other = shutil.copytree(tiny_store, tmp_path / "other")
    record = as_json(tiny_store, "--test-store", other, code=1)
    assert {finding["kind"] for finding in record["findings"] if finding["severity"] == "leak"} == {"same-audio"}
    manifest = tmp_path / "m.jsonl"
    store.open_store(tiny_store).manifest.write(manifest)
    assert "is for a store that is trained on" in run("audit", manifest, "--test-store", other, code=2)


@pytest.fixture
def doubled(tmp_path):
    """Eight recordings, each again 100 ms later and quieter under another speaker, with fingerprints; one clip is short."""
    random, rows = np.random.default_rng(0), ["id,path,label,speaker"]
    (tmp_path / "a").mkdir()
    for k in range(8):
        t = np.arange(24000) / 16000
        phase = 2 * np.pi * np.cumsum(110 + 8 * k + 20 * np.sin(2 * np.pi * (2 + k / 3) * t)) / 16000
        x = sum(np.sin(h * phase) * (1 + np.sin(2 * np.pi * (0.7 + 0.3 * h + k / 5) * t + h)) / h for h in range(1, 25))
        x = 0.1 * x * (1 + 0.7 * np.sin(2 * np.pi * (3 + k / 4) * t)) + 0.002 * random.standard_normal(24000)
        soundfile.write(tmp_path / "a" / f"{k}a.wav", x, 16000)
        soundfile.write(tmp_path / "a" / f"{k}b.wav", np.r_[np.zeros(1600), 0.7 * x], 16000)
        rows += [f"{k}{side},a/{k}{side}.wav,{'xy'[k % 2]},{side}{k}" for side in "ab"]
    soundfile.write(tmp_path / "a" / "short.wav", 0.1 * random.standard_normal(4800), 16000)
    (tmp_path / "t.csv").write_text("\n".join([*rows, "short,a/short.wav,x,z"]))
    manifest = corpora.read_corpus("custom", tmp_path, manifest=tmp_path / "t.csv")
    out = tmp_path / "store"
    extraction.build_store(manifest, root=tmp_path, out=out, columns="audio_fingerprint", corpus="custom", backend="serial")
    return out


def test_every_pair_is_named_where_asked_for_and_in_json_and_in_a_table(doubled, tmp_path):
    said = run("audit", doubled)
    assert said.count(" and ") == 4  # three pairs, and the line on the others
    assert "more are named by --all" in said
    every = run("audit", doubled, "--all")
    assert [line.split(" (")[0].strip() for line in every.splitlines()[2:10]] == [f"{k}a and {k}b" for k in range(8)]
    (finding,) = as_json(doubled)["findings"]
    assert len(finding["examples"]) == len(finding["pairs"]) == finding["count"] == 8
    assert f"every pair and name → {tmp_path / 'p.csv'}" in run("audit", doubled, "-o", tmp_path / "p.csv")
    head, *rows = csv.reader((tmp_path / "p.csv").read_text().splitlines())
    assert head == ["severity", "kind", "fold", "first_part", "second_part", "first", "second", "detail"]
    assert [row[:7] for row in rows] == [["warning", "near-duplicate", "", "", "", f"{k}a", f"{k}b"] for k in range(8)]


def test_a_clip_too_short_for_a_fingerprint_does_not_hide_that_the_others_were_compared(doubled):
    assert "audio known of 16 of 17 utterances" in run("audit", doubled)
    assert "was not looked for" not in run("audit", doubled)


def test_split_uses_the_fingerprints_of_the_store_as_the_audit_of_its_file_does(doubled, tmp_path):
    said = run("split", doubled, "--split", "speaker-kfold(k=4, dev=0)", "-o", tmp_path / "s.json")
    audited = run("audit", tmp_path / "s.json", doubled, code=1)
    assert "pairs of near-duplicate audio in train and test" in said
    verdict = next(line for line in said.splitlines() if line.startswith("verdict: ")).removeprefix("verdict: ")
    assert audited.startswith(f"{tmp_path / 's.json'}, 4 folds: {verdict}\n")
    leak = next(line for line in audited.splitlines() if line.startswith("  leak"))
    assert leak in said.splitlines()
    record = json.loads(run("split", doubled, "--split", tmp_path / "s.json", "--json"))
    assert {finding["kind"] for finding in record["findings"]} == {"near-duplicate"}


def test_the_pairs_of_a_split_say_which_is_in_which_part(doubled, tmp_path):
    (tmp_path / "f.csv").write_text("id,part\n0a,test\n0b,train\n1a,train\n1b,train\n")
    run("audit", tmp_path / "f.csv", doubled, "-o", tmp_path / "p.csv", code=1)
    (row,) = list(csv.reader((tmp_path / "p.csv").read_text().splitlines()))[1:]
    assert row[:7] == ["leak", "near-duplicate", "0", "train", "test", "0b", "0a"]


def test_sentences_that_give_the_class_are_a_leak(tmp_path):
    lines = [
        {
            "id": f"s{who}-{name}-{k}",
            "path": f"{who}{name}{k}.wav",
            "speaker": f"s{who}",
            "text": f"{name} {k}",
            "labels": {"emotion": name},
        }
        for who in range(6)
        for name in ("angry", "sad")
        for k in range(2)
    ]
    (tmp_path / "m.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    rows = [f"{line['id']},{'test' if line['speaker'] in ('s0', 's1') else 'train'}" for line in lines]
    (tmp_path / "folds.csv").write_text("id,part\n" + "\n".join(rows) + "\n")
    said = run("audit", tmp_path / "folds.csv", "--manifest", tmp_path / "m.jsonl", code=1)
    told = "the sentence alone gives the class with UA 100.0 [54.1, 100.0], chance 50.0"
    assert f"{told}: a model of text or ASR states answers by it" in " ".join(said.split())
    assert "by design" not in said


def test_audit_reads_links_out_of_the_root_where_that_is_asked_for(tmp_path, monkeypatch):
    monkeypatch.delenv("FEATUREKIT_FOLLOW_LINKS", raising=False)
    (tmp_path / "real").mkdir()
    (tmp_path / "root").mkdir()
    for name in ("one", "two"):
        (tmp_path / "real" / f"{name}.wav").write_bytes(b"")
    (tmp_path / "root" / "happy").symlink_to(tmp_path / "real")
    (tmp_path / "parts.csv").write_text("id,part\nhappy/one,train\nhappy/two,test\n")
    words = ["audit", str(tmp_path / "parts.csv"), "--corpus", "folders", "--root", str(tmp_path / "root")]
    assert CliRunner().invoke(main, words).exit_code == 2
    assert CliRunner().invoke(main, [*words, "--follow-links"]).exit_code == 0
    assert "FEATUREKIT_FOLLOW_LINKS" not in os.environ
