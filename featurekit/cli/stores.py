"""``featurekit store``: look at, verify and mend a store."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import click

from featurekit.cli import grammar
from featurekit.cli.grammar import AS_JSON
from featurekit.cli.progress import counted
from featurekit.cli.tables import screen_width, table, wrap
from featurekit.cli.things import Kind, what_is


def _a_store(ctx: click.Context, parameter: click.Parameter, path: Path) -> Path:
    """The path of a store; anything else is refused with what it is."""
    if not ctx.resilient_parsing:
        what_is(path, Kind.STORE, verb=f"store {ctx.info_name}")
    return path


# What a folder of a store holds, in the singular.
_FOLDERS = {"heads": "generation", "manifests": "manifest", "shards": "shard"}

_WIDE = 80  # columns of a terminal that shows every fact of a column
STORE = click.argument("path", metavar="STORE", type=grammar.PATH, callback=_a_store)


@click.group("store")
def store_command() -> None:
    """Look at, verify and mend a store.

    \b
    featurekit store info cache/ravdess
    featurekit store verify cache/ravdess
    """


@store_command.command()
@STORE
@click.option("--failed", is_flag=True, help="List every utterance that failed, with its status.")
@AS_JSON
def info(path: Path, failed: bool, as_json: bool) -> None:
    """Columns, units, clocks, sizes and failures of STORE.

    \b
    featurekit store info cache/ravdess
    featurekit store info cache/ravdess --failed
    """
    from featurekit import store

    facts = store.info(path)
    if failed:
        facts["failures"] = _failures(path)
    if as_json:
        click.echo(json.dumps(facts, default=str))
        return
    click.echo(_describe(facts))
    for utterance, reason in facts.get("failures", {}).items():
        click.echo(f"  {utterance}: {reason}")
    if not facts["interrupted"]:
        grammar.next_step(lambda: ["show", path, store.open_store(path).ids[0]])


@store_command.command()
@STORE
@AS_JSON
def verify(path: Path, as_json: bool) -> None:
    """Read every byte of STORE and compare it with what was committed; exit 1 when something is wrong.

    \b
    featurekit store verify cache/ravdess
    """
    from featurekit import store

    report = store.verify(path)
    if as_json:
        click.echo(
            json.dumps(
                {
                    "ok": report.ok,
                    "problems": [{"path": str(problem.path), "what": problem.what} for problem in report.problems],
                }
            )
        )
    else:
        for problem in report.problems:
            click.echo(f"{problem.path}: {problem.what}")
        verdict = "every byte is what was committed" if report.ok else f"run `featurekit store repair {path}`"
        looked_at = ", ".join(
            counted(count, _FOLDERS.get(folder, folder.removesuffix("s"))) for folder, count in report.counts.items() if count
        )
        click.echo(f"{path}: {looked_at}; {counted(len(report.problems), 'problem')}: {verdict}")
        grammar.next_step(*(["card", path] if report.ok else ["store", "repair", path]))
    sys.exit(0 if report.ok else 1)


@store_command.command()
@STORE
@grammar.DRY_RUN
@AS_JSON
def repair(path: Path, dry_run: bool, as_json: bool) -> None:
    """Move what verify refuses to quarantine/; `featurekit extract` then computes it again.

    \b
    featurekit store repair cache/ravdess
    """
    from featurekit import store

    report = store.repair(path, dry_run=dry_run)
    moved = report.moved
    if as_json:
        problems = [{"path": str(problem.path), "what": problem.what} for problem in report.problems]
        click.echo(json.dumps({"problems": problems, "moved": [str(file) for file in moved], "dry_run": dry_run}))
        return
    for problem in report.problems:
        click.echo(f"{problem.path}: {problem.what}")
    shards = sum(file.parent.name == "shards" for file in moved)
    if dry_run:
        cost = f"; {counted(shards, 'shard')} to compute again, which `featurekit extract --dry-run` then says the time of"
        said = f"{counted(len(moved), 'file')} would move to quarantine{cost if shards else ''}; nothing was changed"
    else:
        again = "; run the same `featurekit extract` again to compute it anew" if moved else ""
        said = f"{counted(len(moved), 'file')} moved to quarantine{again}"
    click.echo(wrap(f"{path}: {said}", hanging=2))
    grammar.next_step("store", "repair" if dry_run and moved else "verify", path)


@store_command.command()
@STORE
@AS_JSON
def index(path: Path, as_json: bool) -> None:
    """Rebuild index.h5, the derived table that makes opening quick.

    \b
    featurekit store index cache/ravdess
    """
    from featurekit import store

    written = store.build_index(path)
    click.echo(json.dumps({"index": str(written)}) if as_json else f"wrote {written}")
    grammar.next_step("store", "info", path, as_json=as_json)


@store_command.command()
@STORE
@click.option("--dry-run", is_flag=True, help="Say what would go, and keep it.")
@AS_JSON
def gc(path: Path, dry_run: bool, as_json: bool) -> None:
    """Remove older generations and the shards that only they use, and old temporary files.

    \b
    featurekit store gc cache/ravdess --dry-run
    """
    from featurekit import store

    removed = store.gc(path, dry_run=dry_run)
    if as_json:
        click.echo(json.dumps({"removed": [str(file) for file in removed], "dry_run": dry_run}))
        return
    older = sum(file.parent.name == "heads" for file in removed)
    lost = f", {counted(older, 'older generation')} among them: no way back to those" if older else ""
    click.echo(f"{path}: {'would remove' if dry_run else 'removed'} {counted(len(removed), 'file')}{lost}")
    grammar.next_step("store", "gc" if dry_run and removed else "info", path)


@store_command.command()
@STORE
@click.argument("column")
@click.option("--dry-run", is_flag=True, help="Say what would be left, and change nothing.")
@AS_JSON
def drop(path: Path, column: str, dry_run: bool, as_json: bool) -> None:
    """Drop COLUMN from STORE in a new generation; `store gc` frees its bytes when no column of its shards is left.

    \b
    featurekit store drop cache/ravdess luo2019/rms
    """
    from featurekit import store

    before = store.latest_head(path)
    head = store.drop(path, column, dry_run=dry_run)
    if not dry_run:
        store.build_index(path)
    if as_json:
        click.echo(json.dumps({"dropped": column, "columns": list(head.columns), "dry_run": dry_run}))
        return
    left = f"{counted(len(head.columns), 'column')} left"
    click.echo(f"{path}: {'would drop' if dry_run else 'dropped'} {column}, {left}")
    if before is not None and not dry_run:
        way = "the way back, until `featurekit store gc`:"
        click.echo(grammar.command_line(way, "featurekit", "store", "revert", path, before.generation))
    grammar.next_step("store", *(["drop", path, column] if dry_run else ["info", path]))


@store_command.command()
@STORE
@click.argument("generation", type=int, required=False)
@click.option("--dry-run", is_flag=True, help="Say what would come back, and change nothing.")
@AS_JSON
def revert(path: Path, generation: int | None, dry_run: bool, as_json: bool) -> None:
    """Make an older GENERATION of STORE the newest again; without a number, list what is kept.

    \b
    featurekit store revert cache/ravdess
    featurekit store revert cache/ravdess 3

    It is the way back from `store drop` and from an extraction that took utterances out of the store.
    """
    from featurekit import store

    kept = store.generations(path)
    if generation is None:
        click.echo(json.dumps(kept) if as_json else _history(path, kept))
        if len(kept) > 1:
            grammar.next_step("store", "revert", path, kept[-2]["generation"], as_json=as_json)
        return
    head = store.revert(path, generation, dry_run=dry_run)
    if not dry_run:
        store.build_index(path)
    old = next(facts for facts in kept if facts["generation"] == generation)
    if as_json:
        click.echo(json.dumps(old | {"generation": head.generation, "of": generation, "dry_run": dry_run}))
        return
    what = f"{counted(old['utterances'], 'utterance')}, {counted(len(old['columns']), 'column')}"
    if dry_run:
        click.echo(wrap(f"{path}: would have {what} again, as in generation {generation}; nothing was changed", hanging=2))
    else:
        click.echo(
            wrap(f"{path}: has {what}, as in generation {generation}; this is generation {head.generation} now", hanging=2)
        )
    grammar.next_step("store", *(["revert", path, generation] if dry_run else ["info", path]))


def _history(path: Path, kept: list[dict[str, Any]]) -> str:
    what = f"{path}: {counted(len(kept), 'generation')}; `featurekit store revert {path} N` brings N back as the newest"
    lines = [wrap(what, hanging=2)]
    for facts in kept:
        published = time.strftime("%Y-%m-%d %H:%M", time.localtime(facts["published"]))
        counts = f"{counted(facts['utterances'], 'utterance')}, {counted(len(facts['columns']), 'column')}"
        newest = "   (the newest)" if facts is kept[-1] else ""
        lines.append(f"  {facts['generation']:>3}  {published}  {counts}{newest}")
    return "\n".join(lines)


def _failures(path: Path) -> dict[str, str]:
    from featurekit import store

    opened = store.open_store(path)
    found: dict[str, str] = {}
    for column in opened.columns:
        notes = opened.errors(column)
        found.update({opened.ids[row]: notes[row] for row in opened.status(column).nonzero()[0]})
    return found


def _describe(facts: dict[str, Any]) -> str:
    from featurekit.audio import rates_note

    if facts["interrupted"]:
        return (
            f"{facts['path']}: {facts['corpus']}, {counted(facts['waiting'], 'shard')} committed, nothing published yet: "
            "the extraction is under way or was interrupted; run the same `featurekit extract` to finish it"
        )
    size = f"{counted(facts['shards'], 'shard')}, {facts['bytes'] / 1e6:,.1f} MB, generation {facts['generation']}"
    utterances = f"{counted(facts['utterances'], 'utterance')}, {facts['seconds']:,.0f} s of speech"
    lines = [wrap(f"{facts['path']}: {facts['corpus']}, {utterances}, {size}", hanging=2)]
    rows = [
        (
            name,
            column["dims"],
            column["unit"] or "-",
            f"{1000 * column['hop_s']:.1f}" if column["hop_s"] else column["kind"],
            column["sample_rate"],
            column["rows"],
            f"{column['bytes'] / 1e6:.1f}",
            column["failed"],
        )
        for name, column in facts["columns"].items()
    ]
    heads = ("column", "dims", "unit", "hop, ms", "rate, Hz", "rows", "MB", "failed")
    narrow = (screen_width() or _WIDE) < _WIDE  # what is shown there can be read; --json has all
    kept = [0, 1, 3, 7] if narrow else list(range(len(heads)))
    right = [at for at, place in enumerate(kept) if place not in (0, 2)]
    shown = [[row[place] for place in kept] for row in rows]
    lines.append(table(shown, heads=[heads[place] for place in kept], right=right, indent=2))
    if facts["waiting"]:
        what = (
            f"{counted(facts['waiting'], 'shard')} in no generation: of an extraction under way, or left over, which "
            "`featurekit store gc` removes"
        )
        lines.append(wrap(what, indent=2, hanging=4))
    wanted_hz = max(column["sample_rate"] for column in facts["columns"].values())
    if note := rates_note(facts["original_rates"], wanted_hz):
        lines.append(wrap(note, indent=2, hanging=4))
    return "\n".join(lines)
