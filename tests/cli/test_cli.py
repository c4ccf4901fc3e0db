import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

import featurekit as fk
from featurekit.cli import VERBS, main
from featurekit.cli.lists import KINDS
from featurekit.experiments import RunSettings


def run(*arguments, code=0):
    """Run the command line in this process; a wrong exit status shows what was printed."""
    result = CliRunner().invoke(main, [str(item) for item in arguments])
    assert result.exit_code == code, (result.output, result.exception)
    # SystemExit is how a status is set; anything else would have been a traceback.
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.output


@pytest.fixture
def store(tiny_store, tmp_path):
    copy = tmp_path / "store"
    shutil.copytree(tiny_store, copy)
    return copy


def test_help_lists_every_verb_and_each_has_help():
    text = run("--help")
    for verb in VERBS:
        assert f"\n  {verb} " in text
        assert "Usage:" in run(verb, "--help")


@pytest.mark.parametrize("kind", KINDS)
def test_list_says_a_line_about_each(kind):
    lines = [line for line in run("list", kind).splitlines() if line]  # models stand in groups
    assert len(lines) >= 3
    assert all(len(line.split(maxsplit=1)) == 2 for line in lines)
    assert json.loads(run("list", kind, "--json"))
    assert "<function" not in "".join(lines)


@pytest.mark.parametrize("name", ["luo2019", "mfcc", "ravdess", "ub-bilstm", "resnet18", "emotion-soft", "mixup", "noise"])
def test_explain_knows_what_is_listed(name):
    assert name in run("explain", name)


def test_explain_of_a_name_that_is_two_things_says_both():
    said = run("explain", "cs582")
    assert "default task" in said  # the corpus
    assert "128 dims" in said  # the preset
    said = run("explain", "shift")
    assert "shift (an augmentation of training batches): " in said
    assert "shift (a perturbation of recordings" in said


def test_a_store_of_which_nothing_is_published_has_an_info(tmp_path):
    fk.store.create(tmp_path / "s", "demo")
    assert "0 shards committed, nothing published yet" in run("store", "info", tmp_path / "s")


def test_extract_info_verify_and_a_second_extract(tiny_corpus, tmp_path):
    out = tmp_path / "s"
    said = run("extract", "--corpus", "demo", "--root", tiny_corpus, "--features", "rms", "-o", out, "--backend", "serial")
    assert "36 utterances" in said
    assert "failed: none" in said
    assert str(out) in said
    again = run("extract", "--corpus", "demo", "--root", tiny_corpus, "--features", "rms", "-o", out, "--backend", "serial")
    assert "nothing to compute" in again
    assert "rms" in run("store", "info", out)
    assert json.loads(run("store", "info", out, "--json"))["utterances"] == 36
    assert "0 problems" in run("store", "verify", out)


def test_rehash_does_not_rely_on_what_is_remembered_of_files(tiny_corpus, tmp_path):
    out = tmp_path / "s"
    arguments = ["extract", "--corpus", "demo", "--root", tiny_corpus, "--features", "rms", "-o", out, "--backend", "serial"]
    run(*arguments)
    with (out / "tmp" / "hashes.jsonl").open("w") as memory:
        for file in tiny_corpus.rglob("*.*"):
            now = file.stat()
            wrong = [str(file), "0" * 64, now.st_size, now.st_mtime_ns, None, now.st_ino, now.st_ctime_ns]
            memory.write(json.dumps(wrong) + "\n")
    assert "whose audio is another" in run(*arguments, "--dry-run", code=2)
    assert "nothing to compute" in run(*arguments, "--rehash", "--dry-run")
    assert "nothing to compute" in run(*arguments, "--rehash")


def test_a_second_name_of_the_same_values_is_said(tiny_corpus, tmp_path):
    arguments = ["extract", "--corpus", "demo", "--root", tiny_corpus, "-o", tmp_path / "s", "--backend", "serial"]
    assert "under the first name: second is first" in run(*arguments, "--features", "first=rms,second=rms")
    assert "under the first name: rms is first" in run(*arguments, "--features", "rms")
    assert list(fk.open_store(tmp_path / "s").columns) == ["first"]


def test_utterances_that_leave_a_store_are_counted(tiny_corpus, tmp_path):
    arguments = ["extract", "--corpus", "demo", "--root", tiny_corpus, "-o", tmp_path / "s", "--backend", "serial"]
    assert "way back" not in run(*arguments, "--features", "rms", "--perturb", "speed(0.9)")
    refused = run(*arguments, "--features", "rms", code=2)
    assert f"would remove 36 of the 72 utterances that {tmp_path / 's'} has" in refused
    assert "--perturb 'speed(factor=0.9)' keeps them" in refused
    assert "would remove 36 of the 72" in run(*arguments, "--features", "rms", "--dry-run", code=2)
    assert "would remove 36 of the 72" in run(*arguments, "--features", "rms", "--dry-run", "--replace")
    said = run(*arguments, "--features", "rms", "--replace")
    assert "36 utterances that the store had left it; the way back, until `featurekit store gc`: featurekit" in said
    advice = said.partition("the way back, until `featurekit store gc`: featurekit ")[2].partition("\n")[0]
    assert "has 72 utterances, 1 column, as in generation 1; this is generation 3 now" in run(*shlex.split(advice))
    run("store", "revert", tmp_path / "s", 2)
    assert "way back" not in run(*arguments, "--features", "rms")


def test_two_own_corpora_with_the_default_output_are_two_stores(tiny_corpus, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    some = sorted(tiny_corpus.rglob("*.flac"))[:2]
    for name, audio in zip(("mine", "yours"), some, strict=True):
        (tmp_path / name).mkdir()
        shutil.copy(audio, tmp_path / name / f"{name}.flac")
        (tmp_path / name / "labels.csv").write_text(f"path,label\n{name}.flac,calm\n")
        run("extract", "--root", name, "--manifest", "labels.csv", "--features", "rms", "--backend", "serial")
    assert fk.open_store("cache/mine").ids == ["mine"]
    assert fk.open_store("cache/yours").ids == ["yours"]
    monkeypatch.chdir(tmp_path / "mine")
    assert "cache/mine" in run("extract", "--root", ".", "--manifest", "labels.csv", "--features", "rms", "--dry-run")


def test_drop_prints_the_way_back_and_revert_goes_it(store):
    assert "would drop rms, 2 columns left" in run("store", "drop", store, "rms", "--dry-run")
    said = run("store", "drop", store, "rms")
    advice = said.partition("the way back, until `featurekit store gc`: featurekit ")[2]
    assert "3 columns again, as in generation 1" in run(*shlex.split(advice), "--dry-run")
    assert len(fk.open_store(store).columns) == 2
    assert "this is generation 3 now" in run(*shlex.split(advice))
    assert len(fk.open_store(store).columns) == 3
    history = run("store", "revert", store)
    assert "3 generations" in history
    assert history.splitlines()[-1].endswith("36 utterances, 3 columns   (the newest)")
    assert [facts["generation"] for facts in json.loads(run("store", "revert", store, "--json"))] == [1, 2, 3]
    assert "2 older generations among them" in run("store", "gc", store)
    assert "it keeps 3" in run("store", "revert", store, 1, code=2)


def test_extract_answers_in_json(tiny_corpus, tmp_path):
    arguments = ["extract", "--corpus", "demo", "--root", tiny_corpus, "--features", "rms", "-o", tmp_path / "s", "--json"]
    record = json.loads(run(*arguments, "--backend", "serial").splitlines()[-1])
    assert record["utterances"] == 36
    assert record["failed"] == {}


def test_a_flipped_bit_is_found_repaired_and_computed_again(tiny_corpus, store):
    shard = next((store / "shards").iterdir())
    data = bytearray(shard.read_bytes())
    data[len(data) // 2] ^= 1
    shard.chmod(0o644)
    shard.write_bytes(bytes(data))
    assert "store repair" in run("store", "verify", store, code=1)
    assert "quarantine" in run("store", "repair", store)
    columns = "rms,spectral_centroid,mel(n_mels=32)"
    run("extract", "--corpus", "demo", "--root", tiny_corpus, "--features", columns, "-o", store, "--backend", "serial")
    run("store", "verify", store)


def test_failures_past_the_budget_exit_with_one(tmp_path):
    root = tmp_path / "speech"
    root.mkdir()
    (root / "a.wav").write_bytes(b"RIFF")
    (root / "labels.csv").write_text("path,label,speaker\na.wav,happy,ann\n")
    arguments = ["extract", "--root", root, "--manifest", root / "labels.csv", "--features", "rms", "-o", tmp_path / "s"]
    assert "failed: 1" in run(*arguments, "--backend", "serial", code=1)
    run(*arguments, "--backend", "serial", "--max-failures", 1)
    assert "a: " in run("store", "info", tmp_path / "s", "--failed")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["extrac"], "did you mean extract"),
        (["extract", "--corpus", "ravdes"], "did you mean ravdess"),
        (["extract", "--corpus", "mosi"], "get: "),
        (["extract", "--corpus", "ravdess", "--root", "no/such/folder"], "no folder"),
        (["explain", "mfc"], "did you mean mfcc"),
        (["store", "info", "no/such/store"], "there is nothing at"),
        (["train"], "the store's folder as its first argument and --model"),
        (["train", "no.toml"], "no.toml"),
        (["predict", "no/such/run", __file__], "there is nothing at"),
        (["train", "."], "is a folder"),
        (["extract", "--max-failures", "5", "--corpus", "demo"], "0<=x<=1"),
        (["extract", "--root", "{corpus}", "--manifest", "no.csv"], "there is no table 'no.csv'"),
        (["extract", "--corpus", "demo", "--root", "{corpus}", "-o", "{out}", "--features", ""], "request is empty"),
        (["explain", "xyzzy"], "see `featurekit list"),
        (["explain", "xyzzy", "--toml"], "see `featurekit list models`"),
        (["extract", "--jobs", "0", "--corpus", "demo", "--root", "{corpus}", "-o", "{out}"], "got 0; give 1 or more"),
        (["extract", "--corpus", "demo", "--root", "{corpus}", "-o", "{out}", "--features", "mfccs"], "did you mean mfcc"),
    ],
)
def test_nonsense_is_one_sentence_and_status_two(arguments, said, tiny_corpus, tmp_path):
    filled = [item.format(corpus=tiny_corpus, out=tmp_path / "s") for item in arguments]
    assert said in run(*filled, code=2)


def test_a_broken_manifest_line_is_named(tmp_path):
    (tmp_path / "m.jsonl").write_text('{"id": "a", "path": "a.wav"}\n{"id": "b"\n')
    assert "m.jsonl:2" in run("extract", "--root", tmp_path, "--manifest", tmp_path / "m.jsonl", code=2)


def test_two_utterances_with_one_id_are_refused(tmp_path):
    (tmp_path / "m.jsonl").write_text('{"id": "a", "path": "a.wav"}\n{"id": "a", "path": "b.wav"}\n')
    assert "'a'" in run("extract", "--root", tmp_path, "--manifest", tmp_path / "m.jsonl", code=2)


def test_a_store_of_another_version_is_refused(store):
    header = json.loads((store / "STORE.json").read_text())
    (store / "STORE.json").chmod(0o644)
    (store / "STORE.json").write_text(json.dumps(header | {"version": 99}))
    output = run("store", "info", store, code=1)
    assert "99" in output or "checksum" in output


def test_manifest_writes_jsonl_that_extract_reads(tiny_corpus, tmp_path):
    run("manifest", "demo", "--root", tiny_corpus, "-o", tmp_path / "m.jsonl")
    manifest = fk.Manifest.read(tmp_path / "m.jsonl")
    assert len(manifest) == 36
    said = run(
        *["extract", "--root", tiny_corpus, "--manifest", tmp_path / "m.jsonl", "--features", "zcr"],
        *["-o", tmp_path / "s", "--backend", "serial"],
    )
    assert "36 utterances" in said


def test_train_resumes_and_predicts(store, tiny_corpus, tmp_path):
    arguments = ["train", store, "--model", "ub-bilstm", "--features", "rms,spectral_centroid", "--epochs", 1]
    arguments += ["--set", "training.n_frames=20"]
    arguments += ["-o", tmp_path / "runs", "--split", "speaker-disjoint", "--device", "cpu"]
    said = run(*arguments)
    assert "speaker-disjoint" in said
    assert "majority" in said
    folder = next((tmp_path / "runs").iterdir())
    assert "finished before" in run(*arguments)
    audio = sorted(path for path in Path(tiny_corpus).rglob("*") if path.suffix in (".wav", ".flac"))[0]
    answer = json.loads(run("predict", folder, audio, "--json"))
    assert answer["predicted"] in ("negative", "neutral", "positive")
    assert abs(sum(answer["probabilities"].values()) - 1) < 1e-5


def test_predict_reports_a_bad_file_and_goes_on(store, tiny_corpus, tmp_path):
    arguments = ["train", store, "--model", "ub-bilstm", "--features", "rms", "--epochs", 1, "--device", "cpu"]
    arguments += ["--set", "training.n_frames=20"]
    run(*arguments, "-o", tmp_path / "runs")
    folder = next((tmp_path / "runs").iterdir())
    heard = tmp_path / "new"
    heard.mkdir()
    (heard / "a.wav").write_bytes(b"nothing")
    shutil.copy(next(path for path in Path(tiny_corpus).rglob("*.flac")), heard / "b.flac")
    lines = run("predict", folder, heard, code=1).splitlines()
    assert "DECODE" in lines[0]
    assert "positive" in lines[1]


def test_features_the_store_lacks_name_the_command_that_adds_them(store, tiny_corpus, tmp_path, monkeypatch):
    monkeypatch.delenv("FEATUREKIT_CORPORA", raising=False)
    wanted = ["train", store, "--model", "logistic", "--features", "functionals(of=rms, stats='mean')"]
    assert "featurekit extract --corpus demo --root DIR --features " in run(*wanted, code=2)
    (tmp_path / "demo").symlink_to(tiny_corpus)
    monkeypatch.setenv("FEATUREKIT_CORPORA", str(tmp_path))
    advice = run(*wanted, code=2).partition("add it: featurekit ")[2]
    assert "failed: none" in run(*shlex.split(advice), "--backend", "serial")
    assert "run: " in run(*wanted, "-o", tmp_path / "runs", "--epochs", 1, "--device", "cpu")


def test_a_task_without_labels_is_refused(store):
    said = run("train", store, "--model", "ub-bilstm", "--features", "rms", "--task", "emotion", code=2)
    assert "score" in said


def test_a_run_toml_is_read_and_an_unknown_key_is_refused(store, tmp_path):
    settings = f'store = "{store}"\nmodel = "ub-bilstm"\nfeatures = "rms"\n[training]\nepochs = 1\ndevice = "cpu"\n'
    (tmp_path / "run.toml").write_text(settings)
    assert "UA" in run("train", tmp_path / "run.toml", "-o", tmp_path / "runs")
    (tmp_path / "run.toml").write_text(settings.replace("epochs", "epochz"))
    assert "did you mean epochs" in run("train", tmp_path / "run.toml", "-o", tmp_path / "runs", code=2)


def test_a_plugin_file_adds_a_feature(tiny_corpus, tmp_path):
    plugin = tmp_path / "loud.py"
    plugin.write_text(
        '"""Mine."""\nimport numpy as np\nfrom featurekit.features import feature\n\n\n'
        '@feature(unit="1")\ndef crest(rms):\n    """Frame by loudest."""\n    return rms / max(rms.max(), 1e-9)\n'
    )
    command = [sys.executable, "-m", "featurekit", "--plugin", str(plugin), "extract", "--corpus", "demo"]
    command += ["--root", str(tiny_corpus), "--features", "crest", "-o", str(tmp_path / "s"), "--backend", "joblib"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "crest" in fk.open_store(tmp_path / "s").columns


def test_the_plugin_of_the_documentation_extracts_trains_and_predicts(tmp_path):
    """docs/plugins.md, as it stands there: a feature, a corpus and a model of one file."""
    block = re.search(r"```python\n(.*?)```", (Path(__file__).parents[2] / "docs" / "plugins.md").read_text("utf-8"), re.DOTALL)
    (tmp_path / "mine.py").write_text(block[1])
    rng = np.random.default_rng(0)
    for speaker in "abcd":
        (tmp_path / "speech" / speaker).mkdir(parents=True)
        for emotion, pitch in (("calm", 150), ("angry", 400)):
            tone = np.sin(2 * np.pi * pitch * np.arange(8000) / 16000) + 0.1 * rng.standard_normal(8000)
            soundfile.write(tmp_path / "speech" / speaker / f"{emotion}_1.wav", 0.3 * tone, 16000)
    featurekit = [sys.executable, "-m", "featurekit", "--plugin", "mine.py"]
    extract = "extract --corpus mine --root speech --features mfcc,peakiness --backend serial"
    train = "train --store cache/mine --model mean-mlp --features mfcc,peakiness --epochs 1 --device cpu --json"
    said = ""
    for verb in (extract, train):
        done = subprocess.run([*featurekit, *verb.split()], capture_output=True, text=True, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        said = done.stdout
    predict = ["predict", json.loads(said)["run"], "speech/a/calm_1.wav", "--json"]
    done = subprocess.run([*featurekit, *predict], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert set(json.loads(done.stdout)["probabilities"]) == {"angry", "calm"}


def commands(command=main, name=""):
    """Every verb with its name ("store drop"), groups among them."""
    if hasattr(command, "list_commands"):
        for word in command.list_commands(None):
            found = command.get_command(None, word)
            yield f"{name} {word}".strip(), found
            yield from commands(found, f"{name} {word}".strip())


def test_what_the_messages_advise_exists():
    """Verbs and options that the package's texts name; advice that cannot be followed is worse than none."""
    verbs = dict(commands())
    of_verb = {name: {option for item in verb.params for option in item.opts} for name, verb in verbs.items()}
    old = {option for verb in verbs.values() for item in verb.params for option in getattr(item, "old", ())}
    general = {option for item in main.params for option in item.opts} | {"--help", "-h", "--version"}
    known = general.union(old, *of_verb.values())
    for path in (Path(__file__).parents[2] / "featurekit").rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        for option in re.findall(r"(?<![-\w])--[a-z][a-z-]+", text):
            assert option in known | {"--fast", "--shm-size"}, f"{path.name} names {option}"
        for verb, sub, rest in re.findall(r"(?<![\w./])featurekit ([a-z]+)(?: ([a-z]+))?([^`\n]*)", text):
            if verb not in verbs:
                assert f"`featurekit {verb}" not in text, f"{path.name} names featurekit {verb}"
                continue
            name = f"{verb} {sub}" if f"{verb} {sub}" in verbs else verb
            for option in re.findall(r"(?<![-\w])--[a-z][a-z-]+", rest.split(" | ")[0].split(";")[0].split("   ")[0]):
                assert option in of_verb[name] | general, f"{path.name}: featurekit {name} has no {option}"


def test_old_spellings_of_extract_work_and_say_the_new_ones(tiny_corpus, tmp_path):
    arguments = ["extract", "--corpus", "demo", "--root", tiny_corpus, "--features", "rms", "--backend", "serial"]
    said = run(*arguments, f"--out={tmp_path / 's'}", "--workers", 1)
    assert "note: --out is now -o/--output\nnote: --workers is now --jobs" in said
    assert "36 utterances" in run("store", "info", tmp_path / "s")
    assert "now" not in run(*arguments, "--output", tmp_path / "s", "--jobs", 1)
    assert "--out " not in run("extract", "--help")


@pytest.mark.parametrize("verb", [["extract", "--corpus", "demo"], ["manifest", "demo"]])
def test_augment_of_extract_and_manifest_is_refused_with_the_new_word(verb, tiny_corpus):
    assert "--augment is now --perturb" in run(*verb, "--root", tiny_corpus, "--augment", "speed(0.9)", code=2)


def test_a_word_of_extract_without_its_option_is_told_which_it_wants(tiny_corpus):
    assert "featurekit extract --corpus demo" in run("extract", "demo", code=2)
    assert f"--root {tiny_corpus}" in run("extract", tiny_corpus, code=2)
    assert "'xyzzy' belongs to no option" in run("extract", "xyzzy", code=2)


def test_manifest_counts_utterances_without_a_speaker(tmp_path):
    (tmp_path / "t.csv").write_text("path,speaker\na.wav,anna\nb.wav,\nc.wav,\n")
    arguments = ("manifest", "custom", "--root", tmp_path, "--manifest", tmp_path / "t.csv", "--dry-run")
    assert "3 utterances of 1 speaker, 2 without a speaker" in run(*arguments)
    assert json.loads(run(*arguments, "--json"))["unknown_speakers"] == 2


def test_manifest_says_what_it_would_write(tiny_corpus, tmp_path):
    arguments = ["manifest", "demo", "--root", tiny_corpus, "-o", tmp_path / "m.jsonl"]
    assert "36 utterances of 6 speakers" in run(*arguments, "--dry-run")
    assert not (tmp_path / "m.jsonl").exists()
    facts = json.loads(run(*arguments, "--perturb", "speed(0.9)", "--json"))
    assert (facts["utterances"], facts["children"], facts["written"]) == (72, 36, True)
    assert "JSON lines already" in run(*arguments[:4], "--json", code=2)


def test_columns_of_several_clocks_are_said_and_clock_puts_them_on_one(tiny_corpus, tmp_path):
    out = tmp_path / "s"
    arguments = ["extract", "--corpus", "demo", "--root", tiny_corpus, "--backend", "serial", "-o", out]
    arguments += ["--features", "luo2019/rms,zcr"]
    for said in (run(*arguments, "--dry-run"), run(*arguments)):
        assert "these columns have 2 clocks, and" in said
        assert "luo2019/rms every 23.2 ms at 22,050 Hz; zcr every 16 ms at 16,000 Hz" in said
        assert "--clock luo2019" in said
    assert "clocks, and" not in run(*arguments, "--clock", "luo2019")
    train = ["train", out, "--model", "logistic", "--features", "luo2019/rms,zcr@luo2019", "--device", "cpu", "--json"]
    folder = json.loads(run(*train, "--runs", tmp_path / "runs").splitlines()[-1])["run"]
    audio = next(tiny_corpus.rglob("*.flac"))
    assert json.loads(run("predict", folder, audio, "--json"))["predicted"]
    assert "did you mean luo2019" in run(*arguments, "--clock", "luo2018", code=2)


def test_a_lower_rate_of_the_files_is_said_once_with_its_meaning(tiny_corpus, tmp_path):
    out = tmp_path / "s"
    meaning = "the files have 16 kHz, the features want 22.05 kHz: bands above 8 kHz are empty, harmless within this corpus"
    said = run(
        *["extract", "--corpus", "demo", "--root", tiny_corpus, "--features", "luo2019-best4", "--backend", "serial", "-o", out]
    )
    assert said.count(meaning) == 1
    assert "flagged" not in said
    assert run("store", "info", out).count(meaning) == 1
    assert run("doctor", out).count(meaning) == 1
    assert run("card", out).count(meaning) == 1
    shown = run("show", out, fk.open_store(out).ids[0], "-o", tmp_path / "pictures")
    assert shown.count(meaning) == 1
    assert "RATE" not in shown


def test_what_failed_has_words_and_the_status_its_reason(tmp_path):
    (tmp_path / "speech").mkdir()
    (tmp_path / "speech" / "a.wav").write_text("not audio")
    (tmp_path / "speech" / "labels.csv").write_text("path,label\na.wav,calm\n")
    arguments = ["extract", "--root", tmp_path / "speech", "--manifest", "labels.csv", "--features", "rms"]
    said = run(*arguments, "-o", tmp_path / "s", "--backend", "serial", code=1)
    assert "failed: 1 DECODE (not audio, or of a format that cannot be read)" in said
    assert "1 of 1 utterance failed, more than the 1 % that --max-failures allows, so the exit status is 1" in said
    assert "the store was published" in said


@pytest.mark.parametrize("verb", [["extract", "--corpus", "demo", "--root", "{corpus}"], ["manifest", "demo"]])
def test_a_url_to_write_to_is_refused(verb, tiny_corpus, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    filled = [word.format(corpus=tiny_corpus) for word in verb]
    assert "is a URL" in run(*filled, "-o", "s3://bucket/store", code=2)
    assert not list(tmp_path.iterdir())


def test_far_more_jobs_than_cores_are_said(tiny_corpus, tmp_path):
    arguments = ["extract", "--corpus", "demo", "--root", tiny_corpus, "--features", "rms", "-o", tmp_path / "s", "--dry-run"]
    assert "note: --jobs 5000 on " in run(*arguments, "--jobs", 5000)
    assert "note:" not in run(*arguments, "--jobs", 1)


def test_the_demo_answers_a_program_with_facts_alone(tiny_corpus, tmp_path, monkeypatch):
    def synthesise(root, **how):
        shutil.copytree(tiny_corpus, root)

    def runs(store):
        return [RunSettings(store, "logistic", "rms", training={"epochs": 1, "device": "cpu"})]

    monkeypatch.setattr("featurekit.corpora.demo.synthesise", synthesise)
    monkeypatch.setattr("featurekit.experiments.demo.runs", runs)
    monkeypatch.setattr("featurekit.experiments.demo.FEATURES", "rms")
    result = CliRunner().invoke(main, ["demo", "-o", str(tmp_path), "--backend", "serial", "--json"])
    assert result.exit_code == 0, (result.output, result.exception)
    answer = json.loads(result.stdout)
    assert answer["extraction"]["utterances"] == 36
    assert [Path(one["run"]).parent for one in answer["runs"]] == [tmp_path / "runs"]
    assert "unweighted_accuracy" in answer["runs"][0]["pooled"]
    assert "train logistic" in result.stderr
