"""The demo's two runs: small enough for two cores and a minute, honest enough to show the whole path."""

from __future__ import annotations

from featurekit.runs import RunSettings

FEATURES = "luo2019,mel256"
SPLIT = "speaker-disjoint(test=0.3, dev=0.15)"  # eight speakers to test on, four to choose the epoch by
# Threads share out sums, which changes last bits and so figures: the demo takes as many on every machine. Another processor
# still has other last bits, and so few steps make much of them: resnet18 had UA 61 with AVX-512 and 69 with AVX2 alone.
THREADS = 2


def runs(store: str) -> list[RunSettings]:
    """A recurrent model on frames with context, and a convolutional one on the mel spectrogram.

    The learning rate of ub-bilstm was chosen among three, epochs and frames of resnet18 among two settings, by the best dev
    UA, mean over seeds 0, 1 and 2 of split and weights: ub-bilstm 82 (3e-4: 77, 1e-3: 79), resnet18 81 (3 epochs of 64
    frames: 59, over seeds 0 and 1 alone). One thread computed them.
    """
    return [
        RunSettings(
            store=store,
            model="ub-bilstm",
            features="luo2019-best4",
            split=SPLIT,
            training={"epochs": 6, "lr": 5e-4, "threads": THREADS},
        ),
        RunSettings(
            store=store,
            model="resnet18",
            features="mel256",
            split=SPLIT,
            training={"epochs": 5, "threads": THREADS, "n_frames": 48},
        ),
    ]
