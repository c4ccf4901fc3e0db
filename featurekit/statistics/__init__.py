"""Statistics of results: what other speakers of this kind would change, and which differences are real.

The unit is the speaker, since a speaker's errors go together.

* ``jackknife``, ``intervals``, ``scales``: a figure with each speaker left out in turn, and 95 % intervals of it; ``bootstrap``
  serves figures that are not smooth (medians, the worst class).
* ``figures``, ``tallies``: figures as functions of sums by speaker, for many systems on one test set.
* ``swaps``, ``mcnemar``, ``resampled``, ``corrections``: tests of differences, one or a table of them.
* ``power``, ``choice``, ``shapley``, ``ranks``: what a test set could show, how lucky the best of many is, what a feature group
  is worth, systems over corpora.

Nothing here knows of runs or stores.
"""

from __future__ import annotations

from featurekit.statistics.bootstrap import bootstrap_interval
from featurekit.statistics.choice import Choice, judge_choice
from featurekit.statistics.corrections import benjamini_hochberg, holm
from featurekit.statistics.figures import FIGURES, Figure, get_figure
from featurekit.statistics.intervals import Interval, intervals, method
from featurekit.statistics.jackknife import LeftOut, leave_one_out
from featurekit.statistics.mcnemar import McNemar, clustered_mcnemar
from featurekit.statistics.power import smallest_difference, speakers_needed
from featurekit.statistics.ranks import Ranks, rank_over_corpora
from featurekit.statistics.resampled import RecipeDifference, corrected_resampled_t, over_speakers_and_seeds
from featurekit.statistics.scales import CORRELATION, DIFFERENCE, ERROR, SHARE, Scale
from featurekit.statistics.shapley import Worth, interactions, sampled_shapley_values, shapley_values
from featurekit.statistics.speakers import FEWEST_SPEAKERS, too_few_speakers
from featurekit.statistics.swaps import SwapTest, swap_test
from featurekit.statistics.tallies import Tallies, against, all_pairs, tally

__all__ = [
    "CORRELATION",
    "DIFFERENCE",
    "ERROR",
    "FEWEST_SPEAKERS",
    "FIGURES",
    "SHARE",
    "Choice",
    "Figure",
    "Interval",
    "LeftOut",
    "McNemar",
    "Ranks",
    "RecipeDifference",
    "Scale",
    "SwapTest",
    "Tallies",
    "Worth",
    "against",
    "all_pairs",
    "benjamini_hochberg",
    "bootstrap_interval",
    "clustered_mcnemar",
    "corrected_resampled_t",
    "get_figure",
    "holm",
    "interactions",
    "intervals",
    "judge_choice",
    "leave_one_out",
    "method",
    "over_speakers_and_seeds",
    "rank_over_corpora",
    "sampled_shapley_values",
    "shapley_values",
    "smallest_difference",
    "speakers_needed",
    "swap_test",
    "tally",
    "too_few_speakers",
]
