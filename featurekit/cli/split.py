"""``featurekit split``: which utterances train, choose and test a model, as a file with a digest and as a table."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from featurekit.cli import grammar, tables
from featurekit.cli.audit import finding_lines
from featurekit.cli.things import Kind, what_is

if TYPE_CHECKING:
    from featurekit.data import Split, Task
    from featurekit.manifest import Manifest
    from featurekit.store import Store

_SERIOUS = ("error", "leak", "warning")


@click.command("split")
@click.argument("source", metavar="STORE|MANIFEST", type=grammar.PATH)
@click.option(
    "--split", "request", default="speaker-disjoint", show_default=True, help="From `featurekit list splits`, or a file."
)
@click.option(
    "--task", help="A name from `featurekit list tasks`.  [default: the corpus's own; of a manifest: emotion, else label]"
)
@click.option("--map", "class_map", metavar="NAME|FILE.toml", default="", help="Gathers classes, from `featurekit list maps`.")
@click.option("--seed", type=int, default=0, show_default=True, help="Breaks ties.")
@click.option("--speaker-from", type=click.Choice(["manifest", "recording"]), default="manifest", show_default=True)
@click.option("--allow-speaker-overlap", is_flag=True, help="Accept a split that shares speakers; stamped on every result.")
@click.option("--drop-unlabelled", is_flag=True, help="Leave out utterances without a label for the task.")
@click.option("--fold", "folds", multiple=True, metavar="NAME", help="Keep this fold alone; repeatable.")
@grammar.output("Where to write it as JSON; without, it is shown alone.", metavar="FILE.json")
@click.option("--json", "as_json", is_flag=True, help="Print digest, verdict, notes and counts as JSON.")
def split_command(
    source: Path,
    request: str,
    task: str | None,
    class_map: str,
    seed: int,
    folds: tuple[str, ...],
    output: Path | None,
    as_json: bool,
    **how: Any,
) -> None:
    """Divide a corpus into training, development and test, show who is where, and write it as a file.

    \b
    featurekit split cache/ravdess --split ravdess-luna2021 -o ravdess.json
    featurekit split m.jsonl --split 'speaker-disjoint(test=0.2)' --task emotion --seed 0 -o s.json
    featurekit split cache/ravdess --split ravdess-luna2021 --fold 1 -o first.json   one fold, to try things on
    featurekit split cache/iemocap --split iemocap-sessions --map four -o four.json   classes gathered by a map
    featurekit split cache/emodb --split ids.csv   other people's: id,part[,fold]
    featurekit split cache/emodb --split EmoBox/data/emodb --allow-speaker-overlap -o emobox.json
    featurekit train cache/ravdess --split ravdess.json --model resnet18 --features mel256

    A store's failed utterances are in no part. The verdict says what the parts are disjoint in; it stays with every result.
    """
    what_is(source, Kind.STORE, Kind.MANIFEST, verb="split")
    from featurekit.data import audit_split, get_task
    from featurekit.data.splits import from_request
    from featurekit.data.tasks import class_maps

    manifest, ids, own_task, sounds = _read(source)
    own = get_task(task or own_task, manifest)
    scheme = class_maps.mapped_by(own, class_map)
    split = from_request(request, manifest, scheme, seed=seed, ids=ids, **how)
    if folds:
        split = split.only(folds)
    rows = _rows(split, manifest, scheme)
    if output is not None:
        split.write(output)
    found = audit_split(split, manifest, sounds=sounds, task=scheme)
    serious = [finding.to_record() for finding in found.findings if finding.severity in _SERIOUS]
    record: dict[str, Any] = {"kind": split.kind, "digest": split.digest, "verdict": found.verdict, "notes": dict(split.notes)}
    record["findings"] = serious
    if as_json:
        click.echo(json.dumps({**record, "parts": rows}))
        return
    settings = ", ".join(f"{name}={value}" for name, value in split.settings.items())
    head = f"{split.kind} ({settings}) of {source}: {len(manifest if ids is None else ids)} utterances"
    click.echo(tables.wrap(head, hanging=2))
    click.echo(_table(rows, scheme.classes))
    for line in describe_notes(split.notes):
        click.echo(tables.wrap(line, hanging=2))
    click.echo(tables.wrap(f"verdict: {found.verdict}", hanging=2))
    for line in finding_lines(found, least=_SERIOUS):
        click.echo(tables.fit(line))
    click.echo(f"digest {split.digest[:16]}" + (f" → {output}" if output else ""))
    if output is None:
        asked = ["--split", request, "--task", own.name, *(["--map", class_map] if class_map else []), "--seed", seed]
        asked += ["--speaker-from", how["speaker_from"]]
        flags = [f"--{name.replace('_', '-')}" for name, value in how.items() if value is True]
        kept = [word for name in folds for word in ("--fold", name)]
        grammar.next_step("split", source, *asked, *flags, *kept, "-o", "split.json")
    else:
        of = [] if ids is not None else ["--manifest"]
        grammar.next_step("audit", output, *of, source)


def describe_notes(notes: dict[str, Any] | Any) -> list[str]:
    """What a split's notes say, a line each."""
    lines = []
    if notes.get("shared_speakers"):
        lines.append("speakers in several parts: " + _of_folds({k: f"{v}" for k, v in notes["shared_speakers"].items()}))
    if notes.get("shared_recordings"):
        lines.append(
            "recordings in several parts: " + _of_folds({k: f"{len(v)}" for k, v in notes["shared_recordings"].items()})
        )
    if notes.get("absent_classes"):
        lines.append(describe_absent_classes(notes["absent_classes"]))
    if notes.get("no_dev_has"):
        said = {fold: ", ".join(names) for fold, names in notes["no_dev_has"].items()}
        lines.append("too few speakers have these classes to give them to train and dev both: " + _of_folds(said))
    if notes.get("large_dev"):
        lines += _large(notes["large_dev"].values())
    if notes.get("small_strata"):
        lines.append(describe_small_strata(*notes["small_strata"]))
    if notes.get("not_in_manifest"):
        lines.append(
            f"the protocol lists {len(notes['not_in_manifest'])} that are not here: {_first(notes['not_in_manifest'])}"
        )
    if notes.get("of_no_fold"):
        lines.append(f"left out: {notes['of_no_fold']} utterances that are in no official part")
    if notes.get("other_manifest"):
        lines.append(f"made from another manifest ({notes['other_manifest'][:16]}), of which every id is here")
    if notes.get("left_out"):
        lines.append(f"left out: {notes['left_out']} of its utterances failed or have no label here")
    return lines


def describe_small_strata(small: int, of: int) -> str:
    """What became of strata that are too small for the shares of a split."""
    return (
        f"{small} of {of} strata are too small to give every part its share: these are in some parts only, and dealt so that "
        "each label by itself comes near the shares"
    )


def describe_absent_classes(absent: Mapping[str, Mapping[str, Sequence[str]]]) -> str:
    """Which classes the parts of a fold lack, as a split's notes have them; its UA is the mean over those that are there."""
    return "absent classes: " + _of_folds(
        {fold: ", ".join(f"{part} lacks {', '.join(names)}" for part, names in parts.items()) for fold, parts in absent.items()}
    )


def _read(source: Path) -> tuple[Manifest, list[str] | None, str, Store | None]:
    """Manifest, the ids that did not fail where it is a store, the task where none is asked for, and the store."""
    from featurekit import store
    from featurekit.corpora import default_task
    from featurekit.data import usable_ids
    from featurekit.manifest import Manifest

    if not source.is_dir():
        manifest = Manifest.read(source)
        keys = {key for utterance in manifest for key in utterance.labels}
        return manifest, None, "label" if "label" in keys and "emotion" not in keys else "emotion", None
    opened = store.open_store(source)
    return opened.manifest, usable_ids(opened, list(opened.columns)), default_task(opened.corpus, opened.manifest), opened


def _rows(split: Split, manifest: Manifest, task: Task) -> list[dict[str, Any]]:
    """One record a part of a fold: utterances, children, speakers, genders, minutes, classes."""
    from featurekit.data.splits.folds import PARTS

    rows = []
    for fold in split.folds:
        for part in PARTS:
            items = [manifest[name] for name in fold.part(part)]
            speaker = {(item.speaker if split.speaker_source == "manifest" else item.recording): item.gender for item in items}
            speaker.pop("", None)  # nobody knows how many they are; the verdict counts their utterances
            rows.append(
                {
                    "fold": fold.name,
                    "part": part,
                    "utterances": len(items),
                    "children": sum(bool(item.parent) for item in items),
                    "speakers": len(speaker),
                    "genders": dict(Counter(gender or "unknown" for gender in speaker.values())),
                    "minutes": round(sum(item.seconds or 0.0 for item in items) / 60, 2),
                    "classes": dict(Counter(task.label_of(item) for item in items)),
                }
            )
    return rows


def _table(rows: Sequence[dict[str, Any]], classes: Sequence[str]) -> str:
    children = ["children"] if any(row["children"] for row in rows) else []
    cells = []
    for row in rows:
        genders = ", ".join(f"{count} {name}" for name, count in sorted(row["genders"].items()))
        counts = [row[name] for name in ("utterances", *children, "speakers")]
        of_classes = [row["classes"].get(name, 0) for name in classes]
        cells.append([row["fold"], row["part"], *counts, genders, f"{row['minutes']:.1f}", *of_classes])
    heads = ["fold", "part", "utterances", *children, "speakers", "genders", "minutes", *classes]
    numbers = [place for place, head in enumerate(heads) if head not in ("fold", "part", "genders")]
    return tables.in_blocks(cells, heads=heads, keys=2, right=numbers)


def _large(cuts: Iterable[Mapping[str, Any]]) -> list[str]:
    """Development parts that took far more than was asked for; folds that took as many speakers in one line."""
    alike: dict[tuple[float, int, int], list[float]] = {}
    for cut in cuts:
        alike.setdefault((cut["asked"], cut["speakers"], cut["of"]), []).append(100 * cut["share"])
    lines = []
    for (asked, speakers, of), shares in alike.items():
        low, high = f"{min(shares):.0f}", f"{max(shares):.0f}"
        percent = high if low == high else f"{low} to {high}"
        folds = f" in {len(shares)} folds" if len(shares) > 1 else ""
        lines.append(
            f"dev={asked:g} takes {speakers} of {of} speakers that are not tested, {percent} % of their utterances{folds}"
        )
    return lines


def _of_folds(said: dict[str, str]) -> str:
    return "; ".join(f"fold {fold}: {text}" for fold, text in list(said.items())[:10]) + ("; …" if len(said) > 10 else "")


def _first(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (", …" if len(names) > 5 else "")
