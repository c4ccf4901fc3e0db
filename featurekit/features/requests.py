"""Requests: the little language of ``--features``, text → columns.

``luo2019, mel256, mfcc(n_mfcc=20, sample_rate=16000), luo2019/rms, low=mel(fmax=4000)``
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from featurekit.errors import ParameterError, UnknownNameError
from featurekit.features import clocks
from featurekit.features.binding import accepted
from featurekit.features.columns import Column, make_column
from featurekit.features.graph import FEATURES, Settings
from featurekit.features.language import OF, join, members, read, read_settings, split, write
from featurekit.features.presets import ALIASES, PRESETS

_REQUEST = re.compile(r"(?:(?P<label>[\w./ -]+?)\s*=\s*)?(?P<name>[\w./@-]+)\s*(?:\((?P<settings>.*)\))?", re.DOTALL)
_COUNTED = re.compile(r"(?P<name>[a-z_]+?)(?P<count>\d+)")


def parse(text: str | Sequence[str]) -> list[Column]:
    """Turn a feature request into columns.

    Parameters
    ----------
    text : str or sequence of str
        Comma-separated, or one by one: a feature (``mfcc``), a feature with settings (``mfcc(n_mfcc=20)``), an alias
        (``mfcc20``), a preset (``luo2019``), one column of a preset (``luo2019/mfcc``), a preset with what it asks for
        (``lu2020-asr(model='openai/whisper-tiny.en')``); any single column may be renamed
        (``low=mel(fmax=4000)``). Values are Python literals; a bare word is a string; ``of`` takes a request, or a list
        of them: ``functionals(of=mfcc20, stats="mean,std")``.

    Returns
    -------
    list of Column
        In the order asked for; duplicates once.

    Raises
    ------
    UnknownNameError
        For a feature, preset or setting that does not exist, with the closest names.
    ParameterError
        For text that cannot be read, a value that is not accepted, or two different columns of one name.

    Examples
    --------
    >>> [column.name for column in parse("luo2019/mfcc, mel256")]
    ['luo2019/mfcc', 'mel256']
    >>> parse("mfcc(n_mfcc=20)")[0].name
    'mfcc20'
    """
    if not isinstance(text, str):
        wrong = [item for item in text if not isinstance(item, str)] if isinstance(text, Iterable) else [text]
        if wrong:
            raise ParameterError(f"features are named, as in 'luo2019,rms' or ['luo2019', 'rms']; got {wrong[0]!r:.80}")
        text = ",".join(text)
    columns: dict[str, Column] = {}
    for request in split(text):
        for column in _columns(request):
            taken = columns.setdefault(column.name, column)
            if taken.key != column.key:
                raise ParameterError(
                    f"two different columns are called {column.name!r}: {taken.spec} and {column.spec}; "
                    f"name one of them differently, as in other={column.node}(…)"
                )
    if not columns:
        raise ParameterError("the feature request is empty; try luo2019 or mfcc, see `featurekit list features`")
    return list(columns.values())


def _columns(request: str) -> list[Column]:
    match = _REQUEST.fullmatch(request)
    if match is None:
        raise ParameterError(f"cannot read the feature request {request!r}; expected name, name(setting=value) or preset")
    label, name = match["label"], match["name"]
    name, at, clock = name.partition(clocks.AT)
    settings = _plain(read_settings(match["settings"] or "", request))
    preset, _, column = name.partition("/")
    if at and name not in FEATURES and (preset in PRESETS or name in ALIASES):
        raise ParameterError(
            f"{name} has the clock of its preset or alias; only a plain feature can take that of {clock or '…'}"
        )
    if name not in FEATURES and preset in PRESETS:
        asks = PRESETS.get(preset).asks
        if settings.keys() - asks.keys() or (label and not column):
            raise ParameterError(f"{preset} is a preset: {request!r} cannot change it; write its columns one by one")
        if lacking := sorted(asks.keys() - settings.keys()):
            raise ParameterError(f"{preset} needs its {lacking[0]}: {asks[lacking[0]]}")
        return preset_columns(preset, column or None, label, settings)
    node, own = _named(name)
    counted_by = FEATURES.get(node).counted_by
    if counted_by in own and counted_by in settings:
        raise ParameterError(f"{request!r} says {counted_by} twice; write {node}({counted_by}={settings[counted_by]!r})")
    if at:
        return [clocks.on_clock(label, node, {**own, **settings}, clock, _clock_of(clock))]
    return [make_column(label or (name if own and not settings else None), node, {**own, **settings})]


def with_clock(text: str, clock: str) -> str:
    """A request in which every plain feature, whose framing it does not set itself, is on a clock.

    What has a clock of its own stays as it is: presets, aliases, features without frames or without a hop length.

    >>> with_clock("mel256, mfcc, rms(hop_length=512), luo2019", "luo2019")
    'mel256, mfcc@luo2019, rms(hop_length=512), luo2019'

    Raises
    ------
    UnknownNameError, ParameterError
        As :func:`parse`, and for a clock that is none.
    """
    _clock_of(clock)
    renewed = []
    for request in split(text):
        match = _REQUEST.fullmatch(request)
        name = match["name"] if match else ""
        plain = name in FEATURES or (bool(_COUNTED.fullmatch(name)) and name not in ALIASES and name not in PRESETS)
        if match is not None and plain:
            node, own = _named(name)
            if clocks.takes_clock(node, {**own, **_plain(read_settings(match["settings"] or "", request))}):
                end = match.end("name")
                request = f"{request[:end]}{clocks.AT}{clock}{request[end:]}"
        renewed.append(request)
    return ", ".join(renewed)


def _clock_of(clock: str) -> Column:
    """The column whose framing a clock's name stands for: a preset's or a single column's."""
    return clocks.framing(clock, _columns(clock) if clocks.AT not in clock else [])


def preset_columns(
    preset: str, column: str | None = None, label: str | None = None, given: Settings | None = None
) -> list[Column]:
    """Columns of a preset, or one of them, named ``<preset>/<column>`` unless a label is given.

    ``given`` holds what the preset asks for.

    Raises
    ------
    UnknownNameError
        For an unknown preset or column.
    """
    names = [column] if column else list(PRESETS.get(preset).columns)
    found = [(name, *_of_preset(preset, name)) for name in names]
    return [make_column(label or f"{preset}/{name}", node, {**own, **(given or {})}) for name, node, own in found]


def _plain(settings: Settings) -> Settings:
    """Settings whose ``of`` names features alone: aliases and columns of presets are spelled out."""
    if OF not in settings:
        return settings
    requests = []
    for request in members(settings[OF]):
        name, given = read(request)
        node, own = _named(name)
        requests.append(write(node, {**own, **_plain(given)}))
    return {**settings, OF: join(requests)}


def _named(name: str) -> tuple[str, Settings]:
    """Feature and settings behind a name: a feature's, a preset's column's or an alias'."""
    preset, _, column = name.partition("/")
    if name in FEATURES:
        return name, {}
    if preset in PRESETS:
        if not column:
            first = next(iter(PRESETS.get(preset).columns))
            raise ParameterError(f"{preset} is a preset of several columns; name one, as in {preset}/{first}")
        return _of_preset(preset, column)
    return _alias(name)


def _of_preset(preset: str, column: str) -> tuple[str, Settings]:
    """Feature and settings behind a column of a preset: the preset's own settings wherever the column takes them."""
    member = PRESETS.get(preset)
    if column not in member.columns:
        raise UnknownNameError(f"column of preset {preset}", column, member.columns)
    name, given = read(member.columns[column])
    node, own = _named(name)
    own = {**own, **_plain(given)}
    takes = accepted(node, own.get(OF))
    return node, {**{setting: value for setting, value in member.settings.items() if setting in takes}, **own}


def _alias(name: str) -> tuple[str, Settings]:
    """Feature and settings behind an alias."""
    if name in ALIASES:
        node, given = read(ALIASES[name])
        return node, _plain(given)
    counted = _COUNTED.fullmatch(name)
    if counted and counted["name"] in FEATURES:
        setting = FEATURES.get(counted["name"]).counted_by
        if setting is None:
            raise ParameterError(f"{counted['name']} has no number of dims to set; write {counted['name']}, not {name!r}")
        return counted["name"], {setting: int(counted["count"])}
    known = [*FEATURES.names(), *PRESETS.names(), *ALIASES]
    raise UnknownNameError("feature or preset", name, known, see="featurekit list features")
