"""``featurekit extract``: raw audio → manifest → store."""

from __future__ import annotations

import dataclasses
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from featurekit.backends import BACKENDS
from featurekit.cli import grammar
from featurekit.cli.progress import Bars, compiling, counted, duration, rate, wrapped_error
from featurekit.cli.tables import wrap
from featurekit.settings import FOLLOW_LINKS

if TYPE_CHECKING:  # what is imported here, a person waits for before the first line
    from featurekit.extraction import Forecast, Summary


def _follow_links(ctx: click.Context, parameter: click.Parameter, value: bool) -> None:
    """Let this command, and the processes that it starts, follow links."""
    if value and not ctx.resilient_parsing:
        if FOLLOW_LINKS not in os.environ:
            ctx.call_on_close(lambda: os.environ.pop(FOLLOW_LINKS, None))
        os.environ[FOLLOW_LINKS] = "1"


def corpus_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """``--root`` and ``--manifest``, shared by the verbs that read a corpus."""
    command = click.option(
        "--follow-links",
        is_flag=True,
        expose_value=False,
        callback=_follow_links,
        help="Read links that lead out of the corpus's folder, as those of caches and of git-annex.",
    )(command)
    command = click.option("--root", type=click.Path(path_type=Path), help="The corpus's folder.")(command)
    return click.option(
        "--manifest",
        type=click.Path(path_type=Path),
        help="A JSONL manifest, the table of --corpus custom, or tables of an audformat database.",
    )(command)


PERTURB = click.option(
    "--perturb",
    metavar="PERTURBATIONS",
    help="Children of every utterance, for training: as in 'speed(0.9),noise(snr_db=15)'; `featurekit list perturbations`.",
)


SKIP_STRAYS = click.option(
    "--skip-strays", is_flag=True, help="Leave out, and count, files of the corpus's folder that are none of its own."
)

# The word --augment is left to `featurekit train`: it works on batches there, and these are children in the store.
NO_AUGMENT = grammar.refused(
    "--augment", "--perturb", "children in the store; --augment is what `featurekit train` does to its batches"
)


@click.command("extract", context_settings={"allow_extra_args": True})
@click.option("--corpus", default="custom", show_default=True, help="A name from `featurekit list corpora`.")
@corpus_options
@SKIP_STRAYS
@PERTURB
@NO_AUGMENT
@grammar.about_options
@click.option("--features", "columns", help="Features and presets, comma-separated.  [default: the corpus's own]")
@click.option(
    "--clock",
    metavar="NAME",
    help="A preset or column whose rate, hop and window the plain features take, as in --clock luo2019: mfcc is mfcc@luo2019.",
)
@grammar.output("The store's folder.  [default: cache/<corpus>; for custom cache/<the root's name>]", old=["--out"])
@click.option("--backend", type=click.Choice(BACKENDS), default="joblib", show_default=True)
@grammar.jobs(old=["--workers"])
@click.option("--scheduler", metavar="ADDRESS", help="An existing Dask scheduler; without it --backend dask starts its own.")
@click.option(
    "--device",
    type=grammar.DEVICE,
    default="auto",
    show_default=True,
    help="What computes: a GPU for what it can, or the CPU. auto: a column keeps the engine the store has it from; "
    "the GPU, if there is one, for a new store.",
)
@click.option(
    "--max-failures", type=click.FloatRange(0, 1), default=0.01, show_default=True, help="Share of utterances that may fail."
)
@click.option(
    "--replace", is_flag=True, help="Agree that the store loses utterances that it has and this command does not name."
)
@click.option("--rehash", is_flag=True, help="Read every audio file again, in case one changed that looks unchanged.")
@click.option("--dry-run", is_flag=True, help="Say what would be done and what it would cost; write nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
def extract_command(
    corpus: str,
    root: Path | None,
    manifest: Path | None,
    skip_strays: bool,
    perturb: str | None,
    columns: str | None,
    clock: str | None,
    output: Path | None,
    backend: str,
    jobs: int | None,
    scheduler: str | None,
    device: str,
    max_failures: float,
    replace: bool,
    rehash: bool,
    dry_run: bool,
    as_json: bool,
    **said: str | None,
) -> None:
    """Turn a corpus into a store of features, in parallel; run it again to resume, to add features or utterances.

    \b
    featurekit extract --corpus ravdess --root RAVDESS
    featurekit extract --corpus custom --root my_speech --manifest my_speech/labels.csv
    featurekit extract --corpus emodb --root EmoDB --features "mel256,mfcc(n_mfcc=20),rms" --backend dask
    featurekit extract --corpus emodb --root EmoDB --features mel256,mfcc,rms --clock luo2019
    featurekit extract --corpus ravdess --root RAVDESS --features luo2019 --device cuda -o cache/ravdess-gpu
    featurekit extract --corpus emodb --root EmoDB --perturb 'speed(0.9),noise(snr_db=15)' -o cache/emodb-augmented
    """
    from featurekit import corpora, extraction, features
    from featurekit.extraction import augmented

    refuse_strays(click.get_current_context().args)
    recipe = corpora.CORPORA.get(corpus)
    where = corpora.locate(corpus, root)
    utterances = corpora.read_corpus(corpus, where, manifest=manifest, skip_strays=skip_strays)
    if perturb:
        utterances = augmented.with_children(utterances, perturb)
    columns = recipe.corpus.default_features if columns is None else columns
    request: dict[str, Any] = {
        "root": where,
        "out": output or Path("cache") / store_name(corpus, where),
        "columns": features.with_clock(columns, clock) if clock else columns,
        "corpus": corpus,
        "backend": backend,
        "workers": jobs,
        "device": device,
        "replace": replace,
        "rehash": rehash,
    }
    warn_of_many(jobs, backend)
    told = corpora.about(where, said) or None
    if dry_run:
        with compiling():
            forecast = extraction.dry_run(utterances, **request)
        click.echo(json.dumps(dataclasses.asdict(forecast), default=str) if as_json else foretell(forecast))
        return
    summary = extraction.build_store(utterances, **request, scheduler=scheduler, progress=Bars(), about=told)
    click.echo(json.dumps(as_record(summary)) if as_json else describe(summary))
    grammar.next_step(lambda: after_extraction(summary), as_json=as_json)
    if summary.failed_share > max_failures:
        allowed = f"{100 * max_failures:g} %"
        reason = (
            f"featurekit: {len(summary.failed)} of {counted(summary.utterances, 'utterance')} failed, more than the {allowed} "
            "that --max-failures allows, so the exit status is 1; the store was published, and train leaves them out"
        )
        click.echo(wrapped_error(reason), err=True)
        sys.exit(1)


def after_extraction(summary: Summary) -> list[object]:
    """What comes next: a look at what failed, or a first training."""
    if summary.failed:
        return ["store", "info", summary.store, "--failed"]
    return grammar.first_training(summary.store)


def warn_of_many(jobs: int | None, backend: str) -> None:
    """Say that far more processes than cores gain nothing, before memory runs out."""
    from featurekit.backends import physical_cores

    cores = physical_cores()
    if jobs is not None and backend != "serial" and jobs > 4 * cores:
        click.echo(
            f"note: --jobs {jobs} on {counted(cores, 'core')}: more than {cores} gain nothing, and each takes its own memory; "
            "--dry-run says how much",
            err=True,
        )


def store_name(corpus: str, root: Path) -> str:
    """The default folder's name: the corpus's, and for an own one its folder's, since every table is called labels.csv."""
    return (Path(os.path.normpath(root.absolute())).name if corpus == "custom" else "") or corpus


def refuse_strays(words: list[str]) -> None:
    """Refuse words without an option, and say which option they want.

    Raises
    ------
    UsageError
        When there is one.
    """
    from featurekit import corpora

    if not words:
        return
    word = words[0]
    if word in corpora.CORPORA:
        raise click.UsageError(f"a corpus's name needs --corpus: featurekit extract --corpus {word}")
    if Path(word).is_dir():
        raise click.UsageError(f"a folder needs --root: featurekit extract --corpus NAME --root {word}")
    raise click.UsageError(f"{word!r} belongs to no option; a corpus's name needs --corpus, a folder of audio --root")


def describe(summary: Summary) -> str:
    """The summary a person reads: what there is, what was done, what failed, where it is."""
    from featurekit.audio import Status, in_words

    lines = [
        f"{summary.corpus}: {counted(summary.utterances, 'utterance')}, {summary.speech_s:,.0f} s of speech, "
        f"{counted(len(summary.columns), 'column')}, generation {summary.generation}"
    ]
    if summary.computed_shards:
        speed = f"{rate(summary.computed_utterances / summary.wall_s)} utterances per second, "
        if summary.computed_speech_s:
            speed += f"{rate(summary.computed_speech_s / summary.wall_s)} × real time, "
        speed += counted(summary.workers, "worker")
        kept = summary.shards - summary.computed_shards
        there = f"; {kept} {'was' if kept == 1 else 'were'} there already" if kept else ""
        lines.append(f"computed {counted(summary.computed_shards, 'shard')} in {summary.wall_s:.1f} s ({speed}){there}")
    else:
        lines.append(f"nothing to compute: {_all_there(summary.shards)} ({summary.wall_s:.1f} s)")
    if summary.losses.removed:
        left = f"{counted(summary.losses.removed, 'utterance')} that the store had left it"
        way = f"{left}; the way back, until `featurekit store gc`:"
        back = ("store", "revert", summary.store, summary.losses.generation)
        lines.append(grammar.command_line(way, "featurekit", *back))
    if summary.held_as:
        same = ", ".join(f"{asked} is {held}" for asked, held in summary.held_as.items())
        lines.append(f"the same values are stored once, under the first name: {same}")
    if summary.on_gpu:
        lines.append(engines(summary.on_gpu, summary.columns))
    if summary.clocks:
        lines.append(clock_note(summary.clocks))
    if summary.failed:
        by_status = ", ".join(f"{count} {in_words(status)}" for status, count in summary.failed_by_status.items())
        others = "; the others are in the store, and train leaves these out"
        lines.append(f"failed: {by_status}" + (others if len(summary.failed) < summary.utterances else ""))
        lines += [f"  {utterance}: {reason}" for utterance, reason in list(summary.failed.items())[:10]]
        if len(summary.failed) > 10:
            lines.append(f"  … and {len(summary.failed) - 10} more: featurekit store info {summary.store} --failed")
    else:
        lines.append("failed: none")
    if summary.rates_note:
        lines.append(summary.rates_note)
    flags = [f"{count} {in_words(word)}" for word, count in summary.flagged.most_common() if word != Status.RATE]
    if flags:
        lines.append("flagged, kept: " + ", ".join(flags))
    lines.append(f"store: {summary.store}   (featurekit store info {summary.store})")
    return on_screen(lines)


def foretell(forecast: Forecast) -> str:
    """A forecast as a person reads it: what is there, what would be done, how long, how big."""
    lines = [
        f"{forecast.corpus}: {counted(forecast.utterances, 'utterance')}, {forecast.speech_s:,.0f} s of speech "
        f"→ {forecast.store}"
    ]
    if forecast.unreadable:
        lines.append(f"{counted(forecast.unreadable, 'utterance')} without a readable header will fail")
    if forecast.losses.serious:
        lines.append(f"this {forecast.losses.describe(forecast.store)}, as --replace agrees to")
    if forecast.there:
        lines.append(f"there already: {', '.join(forecast.there)}")
    if forecast.new:
        lines.append(f"to compute: {', '.join(forecast.new)}")
    if forecast.clocks:
        lines.append(clock_note(forecast.clocks))
    if forecast.on_gpu:
        lines.append(engines(forecast.on_gpu, [*forecast.there, *forecast.new]))
    if not forecast.shards_to_do:
        return on_screen([*lines, f"nothing to compute: {_all_there(forecast.shards)}"])
    lines += [
        f"to do: {forecast.shards_to_do} of {counted(forecast.shards, 'shard')}, "
        f"{counted(forecast.utterances_to_do, 'utterance')}, {forecast.speech_to_do_s:,.0f} s of speech",
        f"measured: {counted(forecast.sampled, 'utterance')}, {forecast.sampled_speech_s:.0f} s of speech, on one core",
    ]
    lines += [f"  {utterance}: {reason}" for utterance, reason in list(forecast.sample_failed.items())[:5]]
    lines += [
        f"forecast: about {duration(forecast.seconds)} with {counted(forecast.workers, 'worker')} "
        f"({forecast.work_s:.0f} s of work, {forecast.hashing_s:.1f} s of hashing, {forecast.start_s:.1f} s to start), "
        f"{forecast.bytes_to_write / 1e6:,.1f} MB on disk, {forecast.memory_per_worker / 1e6:,.0f} MB of memory per worker",
    ]
    if forecast.load > forecast.cores / 2:
        busy = f"load {forecast.load:.1f} on {counted(forecast.cores, 'core')}"
        lines.append(f"others keep this machine busy ({busy}): taken to last {forecast.slowdown:.1f} times as long as alone")
    lines.append("nothing was written; leave out --dry-run to extract")
    return on_screen(lines)


def on_screen(lines: list[str]) -> str:
    """Lines as a terminal shows them: long ones wrapped at words, what follows is indented; a broken command stays so."""
    return "\n".join(line if "\n" in line else wrap(line, indent=len(line) - len(line.lstrip()), hanging=4) for line in lines)


def _all_there(shards: int) -> str:
    return "the only shard was there already" if shards == 1 else f"all {shards} shards were there already"


def clock_note(clocks: dict[str, list[str]]) -> str:
    """What columns of several clocks mean for a model, and the way to one clock."""
    groups = "; ".join(f"{', '.join(names)} {words}" for words, names in clocks.items())
    return (
        f"these columns have {len(clocks)} clocks, and one model of frames reads columns of one: {groups}. "
        "--clock luo2019 puts plain features on luo2019's, as columns like mfcc@luo2019"
    )


def engines(on_gpu: list[str], columns: list[str]) -> str:
    """Which columns are the GPU's, and which are left to the CPU."""
    on_cpu = sorted(set(columns) - set(on_gpu))
    return f"on the GPU: {', '.join(on_gpu)}; on CPUs: {', '.join(on_cpu) or 'nothing'}"


def as_record(summary: Summary) -> dict[str, Any]:
    """The summary as a program reads it."""
    record = {name: value for name, value in vars(summary).items() if name not in ("store", "flagged")}
    return record | {
        "losses": dataclasses.asdict(summary.losses),
        "store": str(summary.store),
        "flagged": dict(summary.flagged),
        "failed_by_status": summary.failed_by_status,
    }
