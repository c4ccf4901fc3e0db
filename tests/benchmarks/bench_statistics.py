"""A table of differences: 10,000 swaps of speakers for many systems at once, against SciPy's permutation test of one.

    make bench-statistics
    python tests/benchmarks/bench_statistics.py --systems 762 --speakers 24 --classes 8

SciPy permutes what its function returns for one pair of systems; its time is multiplied by the pairs. Times are of the
processor, all threads together.
"""

from __future__ import annotations

import argparse

import numpy as np
from scipy import stats
from timing import machine, milliseconds

from featurekit.statistics import FIGURES, against, swap_test, tally

UTTERANCES = 60  # of each speaker
SWAPS = 10_000


def main() -> None:
    """Print one line per figure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, number in (("systems", 762), ("speakers", 24), ("classes", 8)):
        parser.add_argument(f"--{name}", type=int, default=number)
    chosen = parser.parse_args()
    rng = np.random.default_rng(0)
    speakers = np.repeat(np.arange(chosen.speakers), UTTERANCES)
    truth = rng.integers(0, chosen.classes, len(speakers))
    shape = (chosen.systems, len(speakers))
    predicted = np.where(rng.random(shape) < 0.5, truth, rng.integers(0, chosen.classes, shape))
    print(machine())
    print(f"{chosen.systems} systems, {chosen.speakers} speakers, {chosen.classes} classes, {SWAPS} swaps")
    for name in ("ua", "wa", "macro_f1"):
        tallies = tally(FIGURES[name], speakers, truth, predicted, n_classes=chosen.classes)
        pairs = against(0, chosen.systems)
        ours = milliseconds(lambda: swap_test(tallies, pairs, n_swaps=SWAPS), 3)  # noqa: B023 - called at once
        theirs = milliseconds(lambda: _scipys(tallies), 3) * len(pairs)  # noqa: B023 - called at once
        print(f"{FIGURES[name].name}: {ours / 1000:.2f} s; SciPy's {theirs / 1000:.1f} s, {theirs / ours:.0f} times as long")


def _scipys(tallies) -> float:
    """P of one pair, counts swapped."""
    one, other = np.moveaxis(tallies.sums[:2], 2, 1)  # (k, speakers): the speakers are permuted

    def difference(first: np.ndarray, second: np.ndarray, axis: int) -> np.ndarray:
        sums = [np.moveaxis(table.sum(axis=axis), 0, -1) for table in (first, second)]
        return tallies.figure.value(sums[0]) - tallies.figure.value(sums[1])

    # SciPy swaps along the last axis; every row of one call needs the same swaps, so speakers are swapped as numbers.
    numbers = np.arange(one.shape[1])

    def by_number(first: np.ndarray, second: np.ndarray, axis: int) -> np.ndarray:
        both = np.concatenate([one, other], axis=1)
        return difference(both[:, first], both[:, second], -1)

    found = stats.permutation_test(
        (numbers, numbers + len(numbers)), by_number, permutation_type="samples", n_resamples=SWAPS, vectorized=True, rng=0
    )
    return float(found.pvalue)


if __name__ == "__main__":
    main()
