"""One grammar: old spellings, one voice of errors, what a path is, what comes next."""

import json
import shlex
from types import SimpleNamespace

import click
import pytest
from click.testing import CliRunner

from featurekit.cli import VERBS, grammar, main
from featurekit.cli.things import Kind, what_is
from featurekit.errors import ParameterError


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
