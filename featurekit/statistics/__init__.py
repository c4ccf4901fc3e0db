"""Statistics of results: what other speakers of this kind would change.

The unit is the speaker, since a speaker's errors go together. :func:`leave_one_out` computes figures with each speaker left
out in turn, :func:`intervals` makes 95 % intervals of them, each on the scale of its kind of figure (``scales``), and
:func:`bootstrap_interval` serves figures that are not smooth (medians, the worst class). Nothing here knows of runs or stores.
"""

from __future__ import annotations

from featurekit.statistics.bootstrap import bootstrap_interval
from featurekit.statistics.intervals import Interval, intervals, method
from featurekit.statistics.jackknife import LeftOut, leave_one_out
from featurekit.statistics.scales import CORRELATION, DIFFERENCE, ERROR, SHARE, Scale
from featurekit.statistics.speakers import FEWEST_SPEAKERS, too_few_speakers

__all__ = [
    "CORRELATION",
    "DIFFERENCE",
    "ERROR",
    "FEWEST_SPEAKERS",
    "SHARE",
    "Interval",
    "LeftOut",
    "Scale",
    "bootstrap_interval",
    "intervals",
    "leave_one_out",
    "method",
    "too_few_speakers",
]
