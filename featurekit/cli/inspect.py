"""``featurekit doctor`` and ``featurekit card``: what is on this disk, what is wrong with it, and how to describe it."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from featurekit.backends import BACKENDS
from featurekit.cli import grammar
from featurekit.cli.extract import corpus_options
from featurekit.cli.progress import Bar, about, counted
from featurekit.cli.tables import wrap
from featurekit.cli.things import Kind, what_is
from featurekit.inspection.findings import Finding, Report, Severity

SHOWN_ITEMS = 10
_COUNTED = ("expected", "labels", "sample_rate", "channels", "format")  # facts that are a value and how often it occurs


@click.command("doctor")
@click.argument("path", required=False, type=grammar.PATH, metavar="[FOLDER|STORE]")
@click.option("--corpus", help="A name from `featurekit list corpora`; its folder is --root.")
@corpus_options
@click.option("--backend", type=click.Choice(BACKENDS), default="joblib", show_default=True)
@grammar.jobs(old=["--workers"])
@click.option("--all", "show_all", is_flag=True, help=f"List every file of a finding, not the first {SHOWN_ITEMS}.")
@click.option("--dry-run", is_flag=True, help="Say how many files would be read and how long that takes; read a few.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON; it always lists every file.")
def doctor_command(
    path: Path | None,
    corpus: str | None,
    root: Path | None,
    manifest: Path | None,
    backend: str,
    jobs: int | None,
    show_all: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Say what is wrong with a corpus, a folder of audio, a store or, without arguments, this machine.

    \b
    featurekit doctor --corpus ravdess --root RAVDESS    counts, files, levels, duplicates, labels, known defects
    featurekit doctor some/folder                        the same for audio without a recipe
    featurekit doctor cache/ravdess                      a store: bytes, failures, values
    featurekit doctor                                    Python, libraries, cores, disks, file systems, GPU

    An error would change results or stops the work, and the exit status is then 1; a warning asks for a decision; a note
    is good to know. What a corpus is known to be published with is never an error.
    """
    if path is not None and corpus is not None:
        raise click.UsageError("give --corpus with its folder as --root, or a FOLDER alone")
    if corpus is None and (root is not None or manifest is not None):
        raise click.UsageError("--root and --manifest belong to --corpus; --corpus custom reads a table of your own")
    if dry_run:
        _say_plan(path, corpus, root, manifest, {"backend": backend, "workers": jobs}, as_json)
        return
    how = {"backend": backend, "workers": jobs, "progress": _bar}
    report = _visit(path, corpus, root, manifest, how)
    text = json.dumps(report.to_record()) if as_json else describe(report, None if show_all else SHOWN_ITEMS)
    click.echo(text.encode("utf-8", "replace").decode())  # names that are not UTF-8 cannot be printed as they are
    grammar.next_step(lambda: _after_doctor(path, corpus, root, manifest, report.ok), as_json=as_json)
    sys.exit(0 if report.ok else 1)


@click.command("card")
@click.argument("store", type=grammar.PATH)
@grammar.output("Where to write Markdown; standard output when absent.", metavar="FILE.md")
@click.option(
    "--croissant", type=grammar.PATH, metavar="FILE.json", help="Where to write the description as Croissant JSON-LD."
)
@click.option("--json", "as_json", is_flag=True, help="Print the card as JSON instead of Markdown.")
def card_command(store: Path, output: Path | None, croissant: Path | None, as_json: bool) -> None:
    """Describe STORE: labels, speakers, durations, failures, features with settings, licence, digests.

    \b
    featurekit card cache/ravdess
    featurekit card cache/ravdess -o card.md --croissant croissant.json
    """
    what_is(store, Kind.STORE, verb="card")
    from featurekit import inspection
    from featurekit.files import replace_file

    card = inspection.make_card(store)
    text = json.dumps(card, ensure_ascii=False) + "\n" if as_json else inspection.to_markdown(card)
    if croissant is not None:
        described = json.dumps(inspection.to_croissant(store), indent=1, ensure_ascii=False) + "\n"
        replace_file(croissant, described.encode("utf-8", "backslashreplace"))
        click.echo(f"{store} → {croissant}", err=True)
    if output is None:
        click.echo(text, nl=False)
    else:
        replace_file(output, text.encode("utf-8", "backslashreplace"))
        click.echo(f"{store} → {output}", err=True)
    grammar.next_step("audit", store, as_json=as_json)


def describe(report: Report, most: int | None = SHOWN_ITEMS) -> str:
    """The report a person reads: what it is, then errors, warnings and notes, each with its first items.

    Parameters
    ----------
    report : Report
        What the doctor found.
    most : int or None
        Items shown of a finding; None shows all.
    """
    lines = [report.subject, *_fact_lines(report.facts)]
    for finding in report.ranked():
        lines += _finding_lines(finding, most)
    counts = ", ".join(counted(report.count(severity), str(severity)) for severity in Severity)
    lines.append(counts if report.findings else "nothing is wrong")
    return "\n".join(lines)


def _after_doctor(path: Path | None, corpus: str | None, root: Path | None, manifest: Path | None, ok: bool) -> list[object]:
    """What is worth doing after a visit: the next stage of what was looked at."""
    if path is not None and what_is(path, verb="doctor") is Kind.STORE:
        return ["card", path] if ok else ["store", "verify", path]
    if path is not None:
        from featurekit.corpora._table import TABLE_SUFFIXES

        tables = path.is_dir() and any(item.suffix in TABLE_SUFFIXES for item in path.iterdir())
        return ["extract", "--root", path, "--dry-run"] if tables else ["explain", "custom"]
    if corpus is None:
        return ["demo"]
    where = ["--root", root] if root else []
    table = ["--manifest", manifest] if manifest else []
    return ["extract", "--corpus", corpus, *where, *table, "--dry-run"]


def _say_plan(
    path: Path | None,
    corpus: str | None,
    root: Path | None,
    manifest: Path | None,
    how: Mapping[str, Any],
    as_json: bool,
) -> None:
    """The answer of --dry-run."""
    kind = None if path is None else what_is(path, verb="doctor", or_corpus=True)
    if kind is Kind.STORE or (path is None and corpus is None):
        raise click.UsageError(
            "--dry-run says what reading audio takes, which a visit of a store or of this machine does not do; "
            "give a FOLDER, or --corpus with --root"
        )
    from featurekit import inspection

    found = inspection.forecast_visit(corpus, path if corpus is None else root, manifest=manifest, **how)
    if as_json:
        click.echo(json.dumps(dataclasses.asdict(found)))
        return
    missing = f" ({found.missing} of them are not there)" if found.missing else ""
    lines = [f"would read {counted(found.files, 'file')}{missing}, {found.bytes / 1e6:,.1f} MB"]
    if found.sampled:
        lines.append(
            f"{about(found.seconds)} with {counted(found.workers, 'worker')}, "
            f"by {counted(found.sampled, 'file')} that {'was' if found.sampled == 1 else 'were'} read"
        )
    lines.append("a visit writes nothing; leave out --dry-run to make it")
    click.echo("\n".join(wrap(line, hanging=2) for line in lines))


def _visit(path: Path | None, corpus: str | None, root: Path | None, manifest: Path | None, how: dict[str, Any]) -> Report:
    from featurekit import inspection

    if corpus is not None:
        return inspection.inspect_corpus(corpus, root, manifest=manifest, **how)
    if path is None:
        return inspection.inspect_machine()
    if what_is(path, verb="doctor", or_corpus=True) is Kind.STORE:
        return inspection.inspect_store(path)
    return inspection.inspect_folder(path, **how)


def _fact_lines(facts: Mapping[str, Any]) -> Iterator[str]:
    for name, value in facts.items():
        if name in _COUNTED:
            said = ", ".join(f"{key} ({count})" for key, count in value.items())
        elif isinstance(value, Mapping):
            said = ", ".join(f"{key} {_said(item)}".strip() for key, item in value.items() if item not in ("", [], {}))
        else:
            said = _said(value, name)
        if said:
            yield f"  {name.removesuffix('_bytes').replace('duration_s', 'durations in s').replace('_', ' ')}: {said}"


def _said(value: Any, name: str = "") -> str:
    if name.endswith("bytes"):
        return f"{value / 1e9:.1f} GB" if value >= 1e9 else f"{value / 1e6:.1f} MB"
    if isinstance(value, Mapping):
        return "(" + ", ".join(f"{key.replace('_', ' ')} {_said(item, key)}" for key, item in value.items()) + ")"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(str(item) for item in value)
    return f"{value:.2f}" if isinstance(value, float) else str(value)


def _finding_lines(finding: Finding, most: int | None) -> Iterator[str]:
    yield f"{finding.severity}: {finding.sentence}  [{finding.check}]"
    if finding.known:
        yield f"    known: {finding.known}"
    shown = finding.items if most is None else finding.items[:most]
    yield from (f"    {item}" for item in shown)
    if len(finding.items) > len(shown):
        yield f"    … and {len(finding.items) - len(shown)} more: --all"


def _bar(total: int) -> Callable[[int], None]:
    return Bar(total, "listening", "files").advance
