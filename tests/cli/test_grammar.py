"""One grammar: old spellings, one voice of errors, what a path is, what comes next."""

import json
import shlex
import shutil
from pathlib import Path
from types import SimpleNamespace

import click
import pytest
from click.testing import CliRunner

from featurekit.cli import VERBS, grammar, main
from featurekit.cli.things import Kind, what_is
from featurekit.errors import ParameterError
from tests.runs.making import rewrite


@click.command()
@grammar.argument("things", nargs=-1, old=("--store",), metavar="STORE...")
@grammar.output("The folder.", old=("--out",))
@grammar.jobs(old=("--workers",))
@grammar.option("--quick", is_flag=True, old=("--fast",))
@grammar.refused("--augment", "--perturb", "children of the waveform; --augment is of batches, in train")
def verb(things, output, jobs, quick):
    click.echo(f"{things} {output} {jobs} {quick}")


def call(*words, code=0):
    result = CliRunner().invoke(verb, words)
    assert result.exit_code == code, result.output
    return result


@pytest.mark.parametrize(
    ("old", "new", "note"),
    [
        (["--out", "x"], ["-o", "x"], "note: --out is now -o/--output\n"),
        (["--workers", "2"], ["--jobs", "2"], "note: --workers is now --jobs\n"),
        (["--fast"], ["--quick"], "note: --fast is now --quick\n"),
        (["--store", "a"], ["a"], "note: --store is now positional: STORE, without --store\n"),
    ],
)
def test_an_old_spelling_does_the_same_and_says_the_new_one(old, new, note):
    then, now = call(*old), call(*new)
    assert then.stdout == now.stdout
    assert then.stderr == note
    assert now.stderr == ""


@pytest.mark.parametrize("words", [["--out", "x", "-o", "y"], ["--fast", "--quick"], ["a", "--store", "b"]])
def test_old_and_new_together_are_refused(words):
    assert "one thing" in call(*words, code=2).output


def test_old_spellings_are_not_in_the_help():
    text = call("--help").output
    for old in ("--out ", "--workers", "--fast", "--store", "--augment"):
        assert old not in text


def test_a_word_of_two_meanings_is_refused_with_the_new_one():
    assert "--augment is now --perturb" in call("--augment", "noise", code=2).output


@pytest.mark.parametrize("number", ["0", "-1", "two"])
def test_jobs_are_counted_from_one(number):
    assert "--jobs" in call("--jobs", number, code=2).output


@pytest.mark.parametrize("number", ["0", "-1", "two", "1.5"])
def test_every_option_that_counts_is_counted_from_one(number):
    counts = [(command, option) for command in verbs() for option in command.params if option.type is grammar.COUNT]
    assert len(counts) > 10
    for command, option in counts:
        with pytest.raises(click.BadParameter, match=r"; give 1 or more$|is not a whole number$"):
            option.type_cast_value(click.Context(command), (number,) if option.multiple else number)


def test_every_other_whole_number_is_no_count():
    whole = type(click.INT)  # IntRange is one of them
    numbers = {option.name for command in verbs() for option in command.params if isinstance(option.type, whole)}
    assert numbers == {"generation", "rate", "seed"}


def test_a_plugin_may_stand_anywhere(tmp_path):
    (tmp_path / "loud.py").write_text('"""Mine."""\nraise RuntimeError("was read")\n')
    plugin = ["--plugin", str(tmp_path / "loud.py")]
    lines = [[*plugin, "list", "tasks"], ["list", *plugin, "tasks"], ["list", "tasks", f"--plugin={plugin[1]}"]]
    said = [CliRunner().invoke(main, words) for words in lines]
    assert "was read" in str(said[0].output) + str(said[0].exception)
    assert len({(result.output, str(result.exception)) for result in said}) == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--plugn", "x"], "Did you mean '--plugin'?"),
        (["list", "tasks", "--jsn"], "Did you mean '--json'?"),
        (["list", "tasks", "--plugin"], "requires an argument"),
        (["store", "infoo", "x"], "info"),
        (["trian"], "did you mean train?"),
    ],
)
def test_wrong_use_has_the_voice_of_every_other_error(words, said):
    result = CliRunner().invoke(main, words, prog_name="featurekit")
    assert result.exit_code == 2
    first, second = result.stderr.splitlines()
    assert first.startswith("featurekit: ")
    assert said in first
    assert second.startswith("help: featurekit ")
    assert second.endswith(" --help")


def test_an_option_without_its_value_names_the_help_of_its_verb():
    assert invoke("train", "x", "--model", code=2).splitlines()[-1] == "help: featurekit train --help"


def test_what_a_path_is_is_told_by_what_is_there(tiny_store, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "run.json").write_text("{}")
    (tmp_path / "speech" / "a").mkdir(parents=True)
    (tmp_path / "speech" / "a" / "b.wav").write_bytes(b"")
    for name in ("r.toml", "s.json", "m.jsonl"):
        (tmp_path / name).write_text("")
    kinds = {"run": Kind.RUN, "speech": Kind.AUDIO, "r.toml": Kind.RUN_FILE, "s.json": Kind.SPLIT}
    kinds |= {"m.jsonl": Kind.MANIFEST, "": Kind.FOLDER, tiny_store: Kind.STORE}
    (tmp_path / "speech").rename(tmp_path.parent / "speech")  # a folder above audio is a folder of audio
    kinds.pop("speech")
    assert {name: what_is(tmp_path / name, verb="show") for name in kinds} == kinds
    assert what_is(tmp_path.parent / "speech", verb="show") is Kind.AUDIO


def test_a_path_that_is_something_else_names_what_would_do(tiny_store, tmp_path):
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "ravdess").symlink_to(tiny_store)
    takes = (Kind.STORE, Kind.RUN_FILE)
    with pytest.raises(ParameterError, match=r"train takes a store or a run file .*inside: .*cache/ravdess"):
        what_is(tmp_path / "cache", *takes, verb="train")
    with pytest.raises(ParameterError, match=r"there is nothing at .*did you mean .*cache/ravdess\?"):
        what_is(tmp_path / "cache" / "ravdes", *takes, verb="train")
    with pytest.raises(ParameterError, match=r"there is no folder .*cash"):
        what_is(tmp_path / "cash" / "ravdess", *takes, verb="train")
    with pytest.raises(ParameterError, match=r"is a store, and evaluate takes a run's folder"):
        what_is(tmp_path / "cache" / "ravdess", Kind.RUN, verb="evaluate")


def test_what_comes_next_is_said_on_a_terminal_alone(monkeypatch, capsys):
    grammar.next_step("train", "a b")
    assert capsys.readouterr().out == ""
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    grammar.next_step("train", "a b", "--model", "logistic")
    assert capsys.readouterr().out == "next: featurekit train 'a b' --model logistic\n"
    grammar.next_step("train", "a b", as_json=True)
    assert capsys.readouterr().out == ""


def parse(words):
    """Parse a command line as click does, without doing anything; what is positional need not be there."""
    command, context = main, click.Context(main)
    while hasattr(command, "get_command"):
        name, *words = words
        command = command.get_command(context, name)
    command.make_context(name, list(map(str, words)), parent=context)


def verbs(command=main):
    for name in command.list_commands(None):
        found = command.get_command(None, name)
        yield from verbs(found) if hasattr(found, "list_commands") else [found]


def test_every_help_has_examples_in_the_new_grammar(monkeypatch, capsys):
    monkeypatch.setattr("featurekit.cli.stores.what_is", lambda *arguments, **how: None)
    for command in verbs():
        lines = grammar.examples(command)
        assert lines, f"{command.name} --help shows no example"
        for words in lines:
            parse(words)
    assert capsys.readouterr().err == "", "an example uses an old spelling"


@pytest.mark.parametrize("columns", [50, 80])
def test_help_fits_the_terminal(columns):
    for words in [[], *([name] for name in VERBS), ["store", "info"], ["store", "drop"]]:
        result = CliRunner().invoke(main, [*words, "--help"], terminal_width=columns)
        assert result.exit_code == 0
        lines = result.output.splitlines()
        for line in lines:
            assert len(line) <= columns, (words, line)
        assert any(line.strip().startswith(" ".join(["featurekit", *words])) for line in lines), words


@pytest.fixture(scope="module")
def trained(tiny_store, tmp_path_factory):
    from featurekit.experiments import Run, RunSettings

    settings = RunSettings(str(tiny_store), "logistic", "rms", training={"epochs": 1, "device": "cpu"})
    return Run(settings, runs=tmp_path_factory.mktemp("runs")).execute().folder


def test_what_comes_next_can_be_typed(tiny_store, tiny_corpus, trained, tmp_path, monkeypatch):
    monkeypatch.setattr(grammar, "sys", SimpleNamespace(stdout=SimpleNamespace(isatty=lambda: True)))
    audio, copy = next(tiny_corpus.rglob("*.flac")), tmp_path / "extracted"
    split, manifest = tmp_path / "split.json", tmp_path / "m.jsonl"
    demo = ["--corpus", "demo", "--root", tiny_corpus]
    lines = [
        ["list", "tasks"],
        *(["explain", name] for name in ("rms", "logistic", "loso", "sentiment3", "demo")),
        ["doctor"],
        ["doctor", tiny_store],
        ["manifest", "demo", "--root", tiny_corpus, "-o", manifest],
        ["extract", *demo, "--features", "rms", "-o", copy, "--backend", "serial"],
        ["store", "info", copy],
        ["store", "verify", copy],
        ["store", "repair", copy],
        ["store", "index", copy],
        ["store", "gc", copy, "--dry-run"],
        ["store", "drop", tiny_store, "rms", "--dry-run"],
        ["show", copy, "s01r01_1", "-o", tmp_path / "pictures"],
        ["card", copy, "-o", tmp_path / "card.md"],
        ["split", copy, "--split", "speaker-disjoint"],
        ["split", copy, "-o", split],
        ["audit", split, copy],
        ["audit", copy],
        ["audit", manifest],
        ["audit", trained],
        ["train", trained],
        ["evaluate", trained],
        ["predict", trained, audio],
        ["predict", trained, audio, "-o", tmp_path / "p.csv"],
        ["embed", trained, tiny_store, "--dry-run"],
        ["embed", trained, copy],
        ["export", trained, "-o", tmp_path / "model.pt"],
        ["leak", tiny_store, "--features", "rms", "--folds", 2, "--seeds", 1, "-o", tmp_path / "leak"],
        ["replay", trained],
        ["replay", trained, "--dry-run"],
        ["store", "repair", copy, "--dry-run"],
    ]
    for words in lines:
        result = CliRunner().invoke(main, list(map(str, words)))
        assert result.exit_code == 0, (words, result.output, result.exception)
        last = result.stdout.splitlines()[-1]
        assert last.startswith("next: featurekit "), words
        parse(shlex.split(last)[2:])
    said = CliRunner().invoke(main, ["store", "info", str(copy), "--json"]).stdout
    assert json.loads(said)["utterances"] == 36


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["list"], "say what to list: corpora, features, "),
        (["list", "featurs"], "did you mean features?"),
        (["list", "xyzzy"], "known: augmentations, corpora, "),
        (["show", "ravdess"], "`featurekit extract --corpus ravdess` makes a store of it"),
        (["audit", "no/such/split.json"], "audit takes a split file, a run's folder, a store, "),
    ],
)
def test_what_is_not_there_is_answered_with_what_would_be_taken(words, said):
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 2
    assert said in result.stderr


def everything_in(*folders):
    return {(file, file.stat().st_mtime_ns) for folder in folders for file in folder.rglob("*")}


@pytest.fixture(scope="module")
def damaged(tiny_store, tmp_path_factory):
    """A store with a broken shard."""
    copy = shutil.copytree(tiny_store, tmp_path_factory.mktemp("damaged") / "store")
    shard = next(copy.glob("shards/*.h5"))
    shard.chmod(0o600)
    content = shard.read_bytes()
    shard.write_bytes(content[:-100] + bytes(100))
    return copy


def test_a_dry_run_says_what_would_be_done_and_writes_nothing(tiny_store, tiny_corpus, trained, damaged, tmp_path, monkeypatch):
    pytest.importorskip("sklearn")
    monkeypatch.chdir(tmp_path)
    leak = ["leak", tiny_store, "--features", "rms", "--folds", 3, "--seeds", 2]
    said = {
        (*leak,): ("0 of 4 pairs of a seed and a protocol", "12 folds to fit, ", " s on this machine", "nothing was written"),
        (*leak, "--model", "mlp-pool", "--epochs", 1): ("12 folds to fit; how long that takes is not known",),
        (*leak, "--model", "mlp-pool", "--epochs", 9): ("12 folds to fit, ", " s on this machine"),
        ("replay", trained): ("would train 1 fold × 1 epoch at most again", "the run took ", "is not measured"),
        ("export", trained, "-o", tmp_path / "model.pt"): ("would be TorchScript of fold 0", "of weights", "is not known"),
        ("doctor", tiny_corpus): ("would read 12 files, ", "less than 1 s with 1 worker, by 6 files that were read"),
        ("doctor", "--corpus", "demo", "--root", tiny_corpus): ("would read 12 files, ", "1 s with "),
        ("store", "repair", damaged): ("1 file would move to quarantine; 1 shard to compute again", "nothing was changed"),
        ("store", "repair", tiny_store): ("0 files would move to quarantine; nothing was changed",),
    }
    places = (tiny_store, tiny_corpus, trained, damaged, tmp_path)
    before = everything_in(*places)
    for words, parts in said.items():
        answer = invoke(*words, "--dry-run")
        for part in parts:
            assert part in answer, words
        json.loads(invoke(*words, "--dry-run", "--json"))
    assert everything_in(*places) == before


def test_a_dry_run_of_a_measurement_counts_what_is_kept(tiny_store, tmp_path):
    pytest.importorskip("sklearn")
    leak = ["leak", tiny_store, "--features", "rms", "--folds", 2, "--seeds", 1, "-o", tmp_path, "--json"]
    invoke(*leak)
    plan = json.loads(invoke(*leak[:-3], "-o", tmp_path, "--dry-run", "--json"))
    assert (plan["there"], plan["to_do"], plan["folds"], plan["seconds"]) == (2, 0, 0, 0)


def test_a_dry_run_of_a_replay_says_what_differs_already(trained, tmp_path):
    copy = shutil.copytree(trained, tmp_path / "copy")
    record = json.loads((copy / "run.json").read_text())
    rewrite(copy / "run.json", record | {"versions": record["versions"] | {"torch": "0.1"}})
    assert list(json.loads(invoke("replay", copy, "--dry-run", "--json"))["changed"]) == ["versions"]
    assert json.loads(invoke("replay", trained, "--dry-run", "--json"))["changed"] == {}


@pytest.mark.parametrize("thing", [True, False])
def test_a_visit_that_reads_no_audio_has_no_dry_run(tiny_store, thing):
    assert "give a FOLDER, or --corpus" in invoke("doctor", *([tiny_store] if thing else []), "--dry-run", code=2)


def answer(*words):
    """What is printed on the standard output alone."""
    result = CliRunner().invoke(main, list(map(str, words)))
    assert result.exit_code == 0, (words, result.output, result.exception)
    return result.stdout


def invoke(*words, code=0):
    result = CliRunner().invoke(main, list(map(str, words)))
    assert result.exit_code == code, (words, result.output, result.exception)
    return result.output


@pytest.mark.parametrize("columns", [30, 50, 80])
def test_a_long_command_goes_on_in_the_next_line_and_can_be_copied(columns, monkeypatch):
    words = ["featurekit", "split", "some where -x", "--split", "speaker-kfold(k=5)", "--seed", 0, "--drop-unlabelled"]
    words += ["--allow-speaker-overlap", "-o", "split.json"]
    monkeypatch.setenv("COLUMNS", str(columns))
    for before in ("next:", "the way back, until `featurekit store gc`:"):
        said = grammar.command_line(before, *words)
        assert max(map(len, said.splitlines())) <= columns
        command = said[said.index("featurekit split") :].replace("\\\n", "")
        assert shlex.split(command) == [str(word) for word in words]
    monkeypatch.delenv("COLUMNS")
    assert "\n" not in grammar.command_line("next:", *words)


@pytest.mark.parametrize("columns", [50, 80])
def test_what_verbs_answer_fits_the_terminal_and_is_whole_in_a_pipe(columns, tiny_store, trained, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(tiny_store, "demo")
    Path("run").symlink_to(trained)
    lines = [["split", "demo"], ["split", "demo", "--split", "loso"], ["audit", "run"], ["evaluate", "run"]]
    lines += [["leak", "demo", "--features", "rms", "--folds", 2, "--seeds", 1, "-o", "leak"]]
    lines += [["train", "demo", "--model", "logistic", "--features", "rms", "--epochs", 1, "-o", "runs"]]
    lines += [["store", "drop", "demo", "rms"]]
    in_pipes = [answer(*words) for words in lines[:-1]]
    for said in in_pipes:
        assert max(map(len, said.splitlines())) > columns, "nothing is wrapped in a pipe"
    monkeypatch.setenv("COLUMNS", str(columns))
    for words in lines:
        said = answer(*words)
        assert max(map(len, said.splitlines())) <= columns, (words, said)
    on_screen = [invoke(*words) for words in lines[:3]]
    for piped, said in zip(in_pipes, on_screen, strict=False):
        assert set(piped.split()) <= set(said.split()), "something is left out"


def test_an_error_wraps_at_words_on_a_terminal(monkeypatch):
    def no_file():
        raise OSError

    terminal = SimpleNamespace(isatty=lambda: True, fileno=no_file)
    monkeypatch.setattr("featurekit.cli.progress.sys", SimpleNamespace(stderr=terminal))
    monkeypatch.setenv("COLUMNS", "50")
    said = invoke("train", "--store", "a", "--store", "b", "--model", "x", code=2) + invoke("list", code=2)
    said += invoke("predict", "x", "--chunk", "y", code=2) + invoke("explain", "mfcc", "--json", "--toml", code=2)
    lines = said.splitlines()
    assert sum(line.startswith("featurekit: ") for line in lines) == 4
    assert max(map(len, lines)) <= 50, lines
