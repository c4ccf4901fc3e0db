"""``featurekit list`` and ``featurekit explain``: what there is, and what it is."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable
from functools import partial
from typing import Any

import click

from featurekit.cli import grammar, tables
from featurekit.cli.progress import compiling
from featurekit.errors import UnknownNameError

KINDS = (
    "corpora",
    "features",
    "presets",
    "models",
    "splits",
    "tasks",
    "maps",
    "augmentations",
    "perturbations",
    "pipelines",
)


@click.command("list")
@click.argument("kind", metavar="KIND", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print names and descriptions as JSON.")
def list_command(kind: str | None, as_json: bool) -> None:
    """List what there is of KIND, with a line about each.

    \b
    featurekit list corpora
    featurekit list models
    featurekit list features --json

    KIND is corpora, features, presets, models, splits, tasks, maps, augmentations, perturbations or pipelines.
    """
    if kind is None:
        raise click.UsageError(f"say what to list: {', '.join(KINDS)}")
    if kind not in _LISTS:
        raise UnknownNameError("list", kind, KINDS)
    rows = {name: _without_marks(text) for name, text in _LISTS[kind]().items()}
    if as_json:
        click.echo(json.dumps(rows))
    else:
        click.echo(_models_by_paper() if kind == "models" else tables.listing(rows))
        grammar.next_step("explain", next(iter(rows)))


@click.command("explain")
@click.argument("name")
@click.option("--cost", "with_cost", is_flag=True, help="Of a feature or preset: measure what each step takes, here and now.")
@click.option("--toml", is_flag=True, help="Of a model or pipeline: print its run file, for `featurekit train`.")
@grammar.AS_JSON
def explain_command(name: str, with_cost: bool, toml: bool, as_json: bool) -> None:
    """Explain whatever is listed: a feature or preset (graph, columns, settings), a corpus (facts, folder tree), a split, a
    model, a task, a class map, an augmentation, a perturbation or a pipeline.

    \b
    featurekit explain mfcc --cost
    featurekit explain ub-bilstm
    featurekit explain ub-bilstm --toml > run.toml
    """
    if as_json and toml:
        raise click.UsageError("--toml prints a run file and --json the facts; give one of them")
    if toml:
        click.echo(_run_file(name), nl=False)
        return
    found = _found(name)
    pages = [page for page, _, _ in found]
    if not found:
        known = [item for kind in KINDS for item in _LISTS[kind]()]
        what = "feature, preset, corpus, split, model, task, map, augmentation, perturbation or pipeline"
        raise UnknownNameError(what, name, known, see="featurekit list features")
    if with_cost:
        from featurekit import features

        with compiling():
            pages.append(features.cost(name))
    if as_json:
        explained = {kind: facts for _, kind, _ in found for kind, facts in _facts(kind, name).items()}
        cost = {"cost": pages[-1]} if with_cost else {}
        click.echo(json.dumps({"name": name, **explained, **cost}, default=str))
        return
    click.echo(tables.fit(_without_marks("\n\n".join(pages))))
    grammar.next_step(lambda: _next(name, found[0][2]))


def _run_file(name: str) -> str:
    """The run file of a pipeline, or that of a model's paper; of a model without one what its registration says."""
    from featurekit.experiments import pipelines
    from featurekit.models import facts

    own = name if name in pipelines.names() else pipelines.of_model(name)
    return pipelines.text(own) if own else f"{facts.fragment(facts.get(name))}\n"


def _found(name: str) -> list[tuple[str, str, tuple[str, ...]]]:
    """Pages on a name, each with its kind and the command that comes next, from the first group of kinds that has it."""
    for group in _EXPLANATIONS:
        pages = [(explain(name), kind, after) for kind, explain, after in group]
        found = [(page, kind, after) for page, kind, after in pages if page is not None]
        if found:
            return found
    return []


def _facts(kind: str, name: str) -> dict[str, Any]:
    """What is known of a name as a thing of a kind: kind → facts; a name may be several of the small kinds."""
    if kind == "corpus":
        from featurekit import corpora

        return {kind: dataclasses.asdict(corpora.CORPORA.get(name).corpus)}
    if kind == "split":
        from featurekit.data import splits

        return {kind: splits.facts(name)}
    if kind == "feature":
        from featurekit import features

        found = features.facts(name)
        return {found.pop("kind"): found}
    if kind == "model":
        from featurekit.models import facts

        return {kind: dataclasses.asdict(facts.get(name))}
    rows = {other: _LISTS[other]().get(name) for other in _OF_ONE_LINE[kind]}
    return {
        _ONE_OF[other]: {"summary": _without_marks(text), "use": _USES[other][1].format(name)}
        for other, text in rows.items()
        if text is not None
    }


def _next(name: str, after: tuple[str, ...]) -> list[str]:
    if name in _pipelines():
        return ["train", name]
    return [word.format(name) for word in after]


def _without_marks(text: str) -> str:
    """A docstring's text as a screen shows it: names of code without the marks around them."""
    return re.sub(r":\w+:`~?(?:[\w.]+\.)?([\w]+)`", r"\1", text).replace("``", "")


def _corpus_page(name: str) -> str | None:
    from featurekit import corpora

    return corpora.explain(name) if name in corpora.CORPORA else None


def _split_page(name: str) -> str | None:
    from featurekit.data import splits

    return splits.explain(name) if name in splits.names() else None


def _feature_page(name: str) -> str | None:
    from featurekit import features

    if name in _pipelines():  # luo2019/gmm is no column of the preset luo2019
        return None
    try:
        return features.explain(name)
    except UnknownNameError as error:
        if error.name != name:
            raise  # a setting inside the name is wrong, not the name
        return None


def _model_page(name: str) -> str | None:
    from featurekit.models import facts

    return facts.page(facts.get(name)) if name in facts.known() else None


def _lines_page(kind: str, name: str) -> str | None:
    """Of a task, a class map, an augmentation, a perturbation or a pipeline: what it is, and the command that uses it."""
    found = []
    for others in _OF_ONE_LINE[kind]:
        rows = _LISTS[others]()
        if name in rows:
            word, use = _USES[others]
            said = tables.wrap(f"{name} ({word}): {rows[name]}", hanging=2)
            found.append(f"{said}\n  use: {use.format(name)}")
    return "\n".join(found) or None


# What explains a name, and the command that comes next. Kinds of one group share names (cs582 is a corpus and a preset); those
# of two groups do not, so the search ends with the first group that has the name, before it imports more.
_EXPLANATIONS: tuple[tuple[tuple[str, Callable[[str], str | None], tuple[str, ...]], ...], ...] = (
    (("model", _model_page, ("explain", "{}", "--toml")),),
    (
        ("corpus", _corpus_page, ("doctor", "--corpus", "{}")),
        ("feature", _feature_page, ("explain", "{}", "--cost")),
        ("pipeline", partial(_lines_page, "pipeline"), ("train", "{}")),
    ),
    (
        ("split", _split_page, ("list", "tasks")),
        ("other", partial(_lines_page, "other"), ("list", "models")),
    ),
)
_OF_ONE_LINE = {"pipeline": ("pipelines",), "other": ("tasks", "maps", "augmentations", "perturbations")}
_ONE_OF = {
    "tasks": "task",
    "maps": "map",
    "augmentations": "augmentation",
    "perturbations": "perturbation",
    "pipelines": "pipeline",
}


def _models_by_paper() -> str:
    """Models beneath the paper they come from, with parameters and cost."""
    from featurekit.models import facts

    papers: dict[str, list[tuple[str, str, str, str]]] = {}
    for model in facts.known().values():
        parameters = facts.in_short(model.parameters) if model.parameters else "-"
        cost = facts.in_short(model.operations) if model.operations else "-"
        papers.setdefault(model.paper, []).append((model.name, parameters, cost, model.reads))
    width = max(len(row[0]) for rows in papers.values() for row in rows)
    blocks = []
    for paper, rows in sorted(papers.items()):
        aligned = [(f"{name:<{width}}", f"{size:>6}", f"{cost:>6}", reads) for name, size, cost, reads in rows]
        blocks.append(f"{tables.wrap(paper, hanging=2)}\n{tables.table(aligned, indent=2)}")
    legend = (
        "Of each: parameters; floating-point operations per window of the paper's inputs (featurekit explain NAME says their "
        "size); what it reads. A dash: fitted once, not a network."
    )
    return "\n\n".join([*blocks, tables.wrap(legend)])


# Kinds whose members are one line each: what `explain` calls one of them, and the command that uses it.
_USES = {
    "tasks": ("a task", "featurekit train STORE --model MODEL --task {}"),
    "maps": ("a class map", "featurekit train STORE --model MODEL --map {}"),
    "augmentations": (
        "an augmentation of training batches",
        "featurekit train STORE --model MODEL --augment {}",
    ),
    "perturbations": (
        "a perturbation of recordings, whose children are for training alone",
        "featurekit extract --corpus CORPUS --root DIR --perturb '{}(…)'",
    ),
    "pipelines": ("a pipeline", "featurekit train {}"),
}


def _corpora() -> dict[str, str]:
    from featurekit import corpora

    return {recipe.corpus.name: recipe.corpus.title for recipe in corpora.CORPORA}


def _features() -> dict[str, str]:
    """Features, and beneath each the short names of requests for it."""
    from featurekit import features

    rows: dict[str, str] = {}
    for node in features.FEATURES:
        rows[node.name] = f"{node.summary}  [{'unit of what it reads' if callable(node.unit) else node.unit or 'no unit'}]"
        if node.counted_by is not None:
            rows[f"{node.name}N"] = f"short for {node.name}({node.counted_by}=N)"
        short = {alias: request for alias, request in features.ALIASES.items() if request.startswith(f"{node.name}(")}
        rows |= {alias: f"short for {request}" for alias, request in short.items()}
    return rows


def _presets() -> dict[str, str]:
    from featurekit import features

    return {preset.name: preset.summary for preset in features.PRESETS}


def _models() -> dict[str, str]:
    from featurekit.models import facts

    return {model.name: f"{model.paper}  [reads {model.reads}]" for model in facts.known().values()}


def _splits() -> dict[str, str]:
    from featurekit.data import splits

    return {name: splits.describe(name) for name in splits.names()}


def _tasks() -> dict[str, str]:
    from featurekit.data import tasks

    return {name: tasks.describe(name) for name in tasks.names()}


def _maps() -> dict[str, str]:
    from featurekit.data.tasks import class_maps

    return {name: class_maps.describe(name) for name in class_maps.names()}


def _augmentations() -> dict[str, str]:
    from featurekit.data import augment

    return {name: augment.describe(name) for name in augment.AUGMENTATIONS}


def _perturbations() -> dict[str, str]:
    from featurekit.extraction import augmented

    return {name: augmented.describe(name) for name in augmented.PERTURBATIONS}


def _pipelines() -> dict[str, str]:
    from featurekit.experiments import pipelines

    return {name: pipelines.describe(name) for name in pipelines.names()}


_LISTS: dict[str, Callable[[], dict[str, str]]] = {
    "corpora": _corpora,
    "features": _features,
    "presets": _presets,
    "models": _models,
    "splits": _splits,
    "tasks": _tasks,
    "maps": _maps,
    "augmentations": _augmentations,
    "perturbations": _perturbations,
    "pipelines": _pipelines,
}
