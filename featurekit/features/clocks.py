"""Clocks: which columns of frames can be read together, and plain features on the clock of another column.

A preset's columns and a plain feature of the same name may differ in rate, hop and window: ``mfcc`` has a frame every
16 ms at 16 kHz, ``luo2019/mfcc`` every 23.2 ms at 22,050 Hz. One model of frames reads columns of one clock.
``mfcc@luo2019`` is the plain feature with luo2019's framing, and that is its name in a store.
"""

from __future__ import annotations

from collections.abc import Sequence

from featurekit.errors import ParameterError
from featurekit.features.binding import accepted
from featurekit.features.columns import Column, make_column
from featurekit.features.graph import FEATURES, Settings
from featurekit.features.language import OF

AT = "@"
FRAMING = ("sample_rate", "n_fft", "win_length", "hop_length")


def differing(columns: Sequence[Column]) -> dict[str, list[str]]:
    """Clock in words → the columns of frames on it; empty where all share one.

    >>> from featurekit.features import parse
    >>> differing(parse("mel256, luo2019/rms, mfcc"))
    {'every 23.2 ms at 22,050 Hz': ['mel256', 'luo2019/rms'], 'every 16 ms at 16,000 Hz': ['mfcc']}
    """
    groups: dict[object, list[Column]] = {}
    for column in columns:
        if column.kind == "frames":
            groups.setdefault((column.sample_rate, column.clock), []).append(column)
    if len(groups) < 2:
        return {}
    found: dict[str, list[str]] = {}
    for members in groups.values():
        first = members[0]
        words = f"every {1000 * (first.hop_s or 0):.3g} ms at {first.sample_rate:,} Hz"
        if words in found:  # the same hop, but the frames begin elsewhere
            words += f" from {1000 * (first.start_s or 0):.3g} ms on"
        found[words] = [column.name for column in members]
    return found


def framing(name: str, columns: Sequence[Column]) -> Column:
    """The column whose framing the clock ``name`` stands for.

    Raises
    ------
    ParameterError
        When its columns have no frames, or several clocks.
    """
    frames = [column for column in columns if column.kind == "frames" and "hop_length" in column.settings]
    if not frames:
        raise ParameterError(f"{name} has no clock: none of its columns has frames with a hop_length; try luo2019 or mel256")
    if groups := differing(frames):
        shown = "; ".join(f"{', '.join(names)} {words}" for words, names in groups.items())
        raise ParameterError(f"{name} has several clocks ({shown}); name one of its columns")
    return frames[0]


def takes_clock(node: str, given: Settings) -> bool:
    """Whether a feature has frames that a hop length sets, which the request does not set itself."""
    takes = accepted(node, given.get(OF))
    return FEATURES.get(node).kind == "frames" and "hop_length" in takes and not given.keys() & set(FRAMING)


def on_clock(label: str | None, node: str, given: Settings, clock: str, like: Column) -> Column:
    """A plain feature with the framing of another column.

    Parameters
    ----------
    label : str or None
        The column's name; None for its plain name, ``@`` and the clock's.
    node : str
        Name of a feature.
    given : dict
        What the request sets; none of :data:`FRAMING`.
    clock : str
        Name of the clock, for the column's name.
    like : Column
        The one whose framing is taken, as far as the feature has those settings.

    Raises
    ------
    ParameterError
        When the feature cannot be put on that clock.
    """
    name = make_column(None, node, given).name
    if not takes_clock(node, given):
        raise ParameterError(
            f"{name}{AT}{clock}: {node} cannot be put on another clock; it has no frames with a hop_length, "
            f"or the request sets one of {', '.join(FRAMING)} itself"
        )
    takes = accepted(node, given.get(OF))
    framed = {key: like.settings[key] for key in FRAMING if key in like.settings and key in takes}
    column = make_column(label or f"{name}{AT}{clock}", node, {**given, **framed})
    if (column.sample_rate, column.clock) != (like.sample_rate, like.clock):
        raise ParameterError(
            f"{name}{AT}{clock}: the frames of {node} begin elsewhere than those of {like.name}; leave one out"
        )
    return column
