"""Features: pure functions wired into a graph by their argument names.

The shape law
-------------
Stored features are ``(frames, dims)`` float32. Inside the graph, spectra and features keep librosa's ``(dims, frames)``;
:meth:`Plan.compute` transposes what was asked for. A vector is ``(1, dims)``, an image ``(height, width)`` uint8 with the
dB of its black and white. Frames are centred: a signal of n samples has ``1 + n // hop_length`` of them, frame t at
``t * hop_s``, unless a feature states its own :class:`Clock`; columns of one rate and one clock have equal frame counts.

To add a feature, drop a file into this folder with a function decorated by :func:`feature`; nothing else knows its name.
"""

from featurekit.features.clocks import differing
from featurekit.features.columns import Column
from featurekit.features.cost import cost
from featurekit.features.explanation import explain, facts, names
from featurekit.features.graph import FEATURES, NODES, Clock, feature, node
from featurekit.features.image import ImageArray
from featurekit.features.language import split
from featurekit.features.plan import Plan, Value, extract, load_kernels, warm_up
from featurekit.features.presets import ALIASES, PRESETS, Preset
from featurekit.features.requests import parse, with_clock

__all__ = [
    "ALIASES",
    "FEATURES",
    "NODES",
    "PRESETS",
    "Clock",
    "Column",
    "ImageArray",
    "Plan",
    "Preset",
    "Value",
    "cost",
    "differing",
    "explain",
    "extract",
    "facts",
    "feature",
    "load_kernels",
    "names",
    "node",
    "parse",
    "split",
    "warm_up",
    "with_clock",
]
