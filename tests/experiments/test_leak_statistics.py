"""UA and its difference by counting, and an interval that pairs speakers."""

import numpy as np
import pytest

from featurekit.experiments.leak_statistics import compare_protocols

LABELS = {f"s{speaker}_{n}": "abc"[n % 3] for speaker in range(6) for n in range(12)}
SPEAKERS = {name: name.split("_")[0] for name in LABELS}


def test_ua_and_difference_are_what_counting_gives():
    right = dict(LABELS)
    half = {name: label if int(name.split("_")[1]) < 6 else "a" for name, label in LABELS.items()}
    result = compare_protocols(LABELS, SPEAKERS, {"random": [right, right], "speaker-disjoint": [half, right]})
    scores = result["protocols"]
    assert scores["random"]["by_seed"] == [1.0, 1.0]
    # Of a all, of b and c half are right: (1 + 1/2 + 1/2) / 3, in one of two seeds.
    assert scores["speaker-disjoint"]["by_seed"] == pytest.approx([2 / 3, 1.0])
    assert scores["speaker-disjoint"]["recalls"] == pytest.approx({"a": 1.0, "b": 0.75, "c": 0.75})
    assert result["difference"]["ua"] == pytest.approx(1 / 6)
    assert result["difference"]["by_seed"] == pytest.approx([1 / 3, 0.0])
    assert result["difference"]["interval"] == pytest.approx([1 / 6, 1 / 6])  # every speaker has the same errors
    assert (result["n"], result["n_speakers"], result["chance"]) == (72, 6, pytest.approx(1 / 3))


def test_the_interval_is_paired_over_speakers():
    """Speakers differ a lot, in both protocols alike: the difference is known far better than either."""
    rng = np.random.default_rng(0)
    hard = {f"s{n}": n / 6 for n in range(6)}
    random = {name: label if rng.random() > hard[SPEAKERS[name]] else "z" for name, label in LABELS.items()}
    result = compare_protocols(LABELS, SPEAKERS, {"random": [random], "speaker-disjoint": [random]})
    low, high = result["protocols"]["random"]["interval"]
    assert high - low > 0.2
    assert result["difference"]["interval"] == [0.0, 0.0]
