"""``featurekit list`` and ``featurekit explain``: what there is, and what it is."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable

import click

from featurekit.errors import MissingDependencyError, ParameterError, UnknownNameError

KINDS = (
    "corpora",
    "features",
    "presets",
    "models",
    "splits",
    "tasks",
    "augmentations",
    "perturbations",
    "pipelines",
)


@click.command("list")
@click.argument("kind", type=click.Choice(KINDS))
@click.option("--json", "as_json", is_flag=True, help="Print names and descriptions as JSON.")
def list_command(kind: str, as_json: bool) -> None:
    """List what there is of KIND, with a line about each."""
    rows = _LISTS[kind]()
    if as_json:
        click.echo(json.dumps(rows))
        return
    width = max(len(name) for name in rows)
    for name, line in rows.items():
        click.echo(f"{name:<{width}}  {line}")


@click.command("explain")
@click.argument("name")
@click.option("--toml", is_flag=True, help="Of a model: print the run file of its paper's recipe, for `featurekit train`.")
def explain_command(name: str, toml: bool) -> None:
    """Explain whatever is listed: a feature or preset (graph, columns, settings), a corpus (facts, folder tree), a split, a
    model, a task, an augmentation or a perturbation.

    \b
    featurekit explain mfcc
    featurekit explain ub-bilstm
    featurekit explain ub-bilstm --toml > run.toml
    """
    from featurekit import corpora, features
    from featurekit.data import splits

    if toml:
        from featurekit.models import explanation

        click.echo(explanation.fragment(name))
        return
    if name in corpora.CORPORA:
        click.echo(corpora.explain(name))
        if name not in features.names():
            return
        click.echo()  # cs582 is a corpus and a preset
    if name in _splits():
        click.echo(splits.explain(name))
        return
    try:
        click.echo(features.explain(name))
        if name in features.FEATURES or name not in features.NODES:  # an intermediate is no request: it has no cost of its own
            with contextlib.suppress(ParameterError, MissingDependencyError):  # the explanation said what is needed before
                click.echo("\n" + features.cost(name))
        return
    except UnknownNameError as error:
        if error.name != name:
            raise  # a setting inside the name is wrong, not the name
    models = _models()
    if name in models:
        from featurekit.models import explanation

        click.echo(explanation.explain(name))
        return
    others = {kind: (_LISTS[kind](), use) for kind, use in _USES.items()}
    if not any(name in rows for rows, _ in others.values()):
        known = (item for kind in KINDS for item in _LISTS[kind]())
        kind = "feature, preset, corpus, split, model, task, augmentation, perturbation or pipeline"
        raise UnknownNameError(kind, name, known, see="featurekit list features")
    for kind, (rows, use) in others.items():
        if name in rows:
            click.echo(f"{name}, of {kind}: {rows[name]}\nuse: {use.format(name)}")


# Kinds whose members are one line each: what `explain` adds to that line.
_USES = {
    "tasks": "featurekit train STORE --model MODEL --task {}",
    "augmentations": "featurekit train STORE --model MODEL --augment {}   (on batches, in training alone)",
    "perturbations": "featurekit extract --corpus CORPUS --root DIR --perturb '{}(…)'   (children in the store, for training)",
    "pipelines": "featurekit train {}",
}


def _corpora() -> dict[str, str]:
    from featurekit import corpora

    return {recipe.corpus.name: recipe.corpus.title for recipe in corpora.CORPORA}


def _features() -> dict[str, str]:
    from featurekit import features

    return {
        name: f"{node.summary}  [{'unit of what it reads' if callable(node.unit) else node.unit or 'no unit'}]"
        for name in features.FEATURES.names()
        for node in [features.FEATURES.get(name)]
    }


def _presets() -> dict[str, str]:
    from featurekit import features

    return {preset.name: preset.summary for preset in features.PRESETS}


def _models() -> dict[str, str]:
    from featurekit import models

    return {
        member.name: f"{member.paper}  [reads {(' or ' if member.either else ', ').join(member.reads)}]"
        for member in models.MODELS
    }


def _splits() -> dict[str, str]:
    from featurekit.data import splits

    return {name: splits.describe(name) for name in splits.names()}


def _tasks() -> dict[str, str]:
    from featurekit.data import tasks

    return {name: tasks.describe(name) for name in tasks.names()}


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
    "augmentations": _augmentations,
    "perturbations": _perturbations,
    "pipelines": _pipelines,
}
