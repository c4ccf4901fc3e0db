"""What is known of every model without importing torch: facts.json, which ``make facts`` writes from the registry.

A test holds the file equal to the registry. Models that it does not know (of a plugin, an installed package, or a file that
was just dropped into this folder) are read from the registry itself, which needs torch.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib.util
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from featurekit.errors import UnknownNameError
from featurekit.models import MODELS

_LAID_OUT = re.compile(r"^(?:\s|[*=-])|  |::$", re.MULTILINE)  # lines of a list, a table or code
PATH = Path(__file__).with_name("facts.json")


@dataclass(frozen=True)
class Layer:
    """A row of the table of layers.

    Parameters
    ----------
    part, kind, shape : str
        Its name in the network, its class, and the shape of what it puts out (empty where it is not run by itself).
    parameters : int
        How many it has.
    """

    part: str
    kind: str
    shape: str
    parameters: int


@dataclass(frozen=True)
class Facts:
    """A model as ``list models`` and ``explain`` show it; every value is one that JSON has.

    Parameters
    ----------
    name, paper, features : str
        As :class:`featurekit.models.Model` has them.
    module, about : str
        The file of this package that holds it, and that file's docstring.
    reads : str
        ``frames``, ``frames and images``, ``images or frames``.
    context : int
        Slots of a window.
    recipe, hyper : mapping
        Training settings of the paper, and hyper-parameters with their defaults.
    augment : list of str
        The paper's augmentation.
    inputs : mapping
        The paper's inputs by which the following was counted: kind → shape.
    n_classes : int
        Likewise.
    layers : list of Layer
        In the order they run; empty for models that have none.
    parameters, trained, as_keras : int
        All of them, those with gradients, and the count that Keras would print.
    operations : int or None
        Floating-point operations (multiplications and additions) of one window; None where it is not known.
    """

    name: str
    paper: str
    module: str
    about: str
    reads: str
    context: int
    features: str
    recipe: Mapping[str, Any]
    hyper: Mapping[str, Any]
    augment: list[str]
    inputs: Mapping[str, str] = dataclasses.field(default_factory=dict)
    n_classes: int = 3
    layers: list[Layer] = dataclasses.field(default_factory=list)
    parameters: int = 0
    trained: int = 0
    as_keras: int = 0
    operations: int | None = None

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Facts:
        """Facts as JSON holds them."""
        return cls(**{**record, "layers": [Layer(*row) for row in record["layers"]]})

    def to_record(self) -> dict[str, Any]:
        """Facts as JSON holds them; a layer is a list."""
        record = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return {**record, "layers": [list(dataclasses.astuple(layer)) for layer in self.layers]}


@functools.cache
def written() -> Mapping[str, Facts]:
    """The models of facts.json by name."""
    records = json.loads(PATH.read_text("utf-8"))
    return {record["name"]: Facts.from_record(record) for record in records}


def known() -> dict[str, Facts]:
    """All models by name, those of strangers included where torch is installed; these come without layers."""
    found = dict(written())
    own = {facts.module for facts in found.values()}
    new = MODELS.has_strangers() or any(_holds_models(module) for module in MODELS.module_names() if module not in own)
    if new and importlib.util.find_spec("torch") is not None:
        from featurekit.models import explanation

        found |= {member.name: explanation.table_of(member) for member in MODELS if member.name not in found}
    return dict(sorted(found.items()))


def get(name: str) -> Facts:
    """Everything known of one model; the layers of a stranger's are found by building it.

    Raises
    ------
    UnknownNameError
        With the closest names.
    """
    if name in written():
        return written()[name]
    models = known()
    if name not in models:
        raise UnknownNameError("model", name, models, see=MODELS.listed_by)
    from featurekit.models import explanation

    return explanation.facts_of(name)


def page(facts: Facts) -> str:
    """A page on a model: paper, choices, inputs, recipe, hyper-parameters, and its layers for the paper's inputs."""
    recipe = {**facts.recipe, **({"augment": facts.augment} if facts.augment else {})}
    lines = [f"{facts.name}: {facts.paper}", "", paragraphs(facts.about), ""]
    lines.append(f"reads: {facts.reads}; context: {facts.context or 'whole recordings'}; features: {_features(facts)}")
    for title, values in (("recipe", recipe), ("hyper-parameters", facts.hyper)):
        lines.append(f"{title}: " + (", ".join(f"{key} = {_toml(value)}" for key, value in values.items()) or "none"))
    inputs = ", ".join(f"{kind} {shape}" for kind, shape in facts.inputs.items())
    lines += ["", f"layers for {inputs} and {facts.n_classes} classes:"]
    width = max((len(layer.part) for layer in facts.layers), default=0)
    lines += [f"  {layer.part:<{width}}  {layer.kind:<20} {layer.shape:<20} {layer.parameters:>12,}" for layer in facts.layers]
    if not facts.parameters:
        return "\n".join([*lines, "fitted once on the training part; no gradients"])
    frozen = f", {facts.trained:,} of them trained" if facts.trained != facts.parameters else ""
    keras = f", {facts.as_keras:,} as Keras counts them" if facts.as_keras != facts.parameters else ""
    lines.append(f"parameters: {facts.parameters:,}{frozen}{keras}")
    if facts.operations:
        lines.append(f"cost: {facts.operations:,} floating-point operations per window of this size")
    return "\n".join(lines)


def paragraphs(docstring: str) -> str:
    r"""A docstring with each paragraph on one line, for a screen to wrap; lists, tables and code stay as they are.

    >>> paragraphs("One\nthought.\n\n==  ==\na   b\n==  ==")
    'One thought.\n\n==  ==\na   b\n==  =='
    """
    blocks = docstring.split("\n\n")
    return "\n\n".join(block if _LAID_OUT.search(block) else " ".join(block.splitlines()) for block in blocks)


def fragment(facts: Facts) -> str:
    """A run file (TOML) with everything the paper's recipe says; only the store is yours to fill in."""
    lines = [f"# {facts.name}: {facts.paper}", 'store = "cache/NAME"', f"model = {_toml(facts.name)}"]
    lines.append(f"features = {_toml(facts.features)}" + ("" if facts.features else f"  # {_features(facts)}"))
    lines += [
        'split = "speaker-disjoint"',
        '# task = "emotion"  # the corpus\'s own by default',
        f"context = {facts.context}" + ("" if facts.context else "  # whole recordings"),
    ]
    lines += [f"augment = {_toml(facts.augment)}", "", "[training]"]
    lines += [f"{key} = {_toml(value)}" for key, value in facts.recipe.items() if value is not None]
    lines += ["", "[hyper]"]
    for key, value in facts.hyper.items():
        note = '  # the paper starts from "imagenet", as torchvision\'s cache has it; "" is random' if key == "weights" else ""
        lines.append(("# " if value is None else "") + f"{key} = {_toml(value)}{note}")
    return "\n".join(lines)


def _features(facts: Facts) -> str:
    return facts.features or ("none, the manifest's transcripts" if facts.reads == "text" else "what the store has")


def _context(facts: Facts) -> str:
    return f"context = {facts.context}" + ("" if facts.context else "  # whole recordings")


def in_short(count: int) -> str:
    """A count in three digits and a letter, as of parameters and operations.

    >>> in_short(906), in_short(11_171_779), in_short(119_597_880_416)
    ('906', '11.2M', '120G')
    """
    for size, letter in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if count >= size:
            return f"{count / size:.3g}{letter}"
    return str(count)


def _holds_models(module: str) -> bool:
    """Whether a file of this package, which facts.json does not know, registers a model."""
    source = (PATH.parent / f"{module}.py").read_text("utf-8") if (PATH.parent / f"{module}.py").exists() else ""
    return "\n@model(" in source


def _toml(value: Any) -> str:
    """Scalars and lists of them; JSON writes these as TOML does."""
    return json.dumps(value, ensure_ascii=False)
