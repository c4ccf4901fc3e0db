"""What a feature costs: milliseconds a node, measured here and now."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import numpy as np

from featurekit.features.language import OF
from featurekit.features.plan import Plan, run_step
from featurekit.features.requests import parse

SECONDS = 4.0


def cost(request: str, *, repeats: int = 5) -> str:
    """Table of the time each node of a request takes on 4 s of speech-like noise, the slowest first.

    Parameters
    ----------
    request : str
        As for :func:`~featurekit.features.requests.parse`.
    repeats : int
        Runs after a first that compiles; the best of each node counts.

    Returns
    -------
    str
        Node, milliseconds and share of the total, one a line, under a heading.

    Raises
    ------
    UnknownNameError, ParameterError
        For a request that cannot be read.
    """
    from threadpoolctl import threadpool_limits

    plan = Plan(parse(request))
    signals = {rate: speech_like_noise(rate) for rate in plan.sample_rates}
    with threadpool_limits(1):  # as workers compute; BLAS threads wait for each other on a busy machine
        measure(plan, signals)
        runs = [measure(plan, signals) for _ in range(repeats)]
    best = [1000 * min(times) for times in zip(*runs, strict=True)]
    rows = sorted(zip(best, (_label(plan, index) for index in range(len(best))), strict=True), reverse=True)
    total = sum(best)
    width = max(len("total"), *(len(label) for _, label in rows))
    lines = [f"  {label:<{width}}  {ms:8.3f} ms  {ms / total:4.0%}" for ms, label in rows]
    heading = f"cost of {SECONDS:g} s of speech on one core, best of {repeats}:"
    return "\n".join([heading, *lines, f"  {'total':<{width}}  {total:8.3f} ms  {1000 * SECONDS / total:,.0f} x real time"])


def measure(plan: Plan, signals: Mapping[int, np.ndarray]) -> list[float]:
    """Seconds of processor time that each step of a plan takes, run once in order."""
    values: dict[str, Any] = {}
    seconds = []
    for step in plan.steps:
        start = time.process_time()  # on a busy machine the clock on the wall counts others' work
        values[step.bound.key] = run_step(step.bound, values, signals)
        seconds.append(time.process_time() - start)
        for key in step.frees:
            del values[key]
    return seconds


def speech_like_noise(sample_rate: int, seconds: float = SECONDS) -> np.ndarray:
    """Harmonics of a gliding voice under a syllable's envelope, with noise [shape=(samples,), float32]."""
    random = np.random.default_rng(0)
    time_s = np.arange(int(seconds * sample_rate)) / sample_rate
    phase = 2 * np.pi * np.cumsum(130 + 30 * np.sin(2 * np.pi * 0.7 * time_s)) / sample_rate
    voice = sum((np.sin(order * phase) / order for order in range(1, 12)), np.zeros_like(time_s))
    envelope = np.square(np.sin(2 * np.pi * 2 * time_s))
    return (0.1 * envelope * voice + 0.01 * random.standard_normal(len(time_s))).astype(np.float32)


def _label(plan: Plan, index: int) -> str:
    """Name of a step, with what tells it from another step of that name."""
    bound = plan.steps[index].bound
    others = [step.bound for step in plan.steps if step.bound.name == bound.name and step.bound.key != bound.key]
    differs = {
        setting: value
        for setting, value in bound.settings.items()
        if any(other.settings.get(setting) != value for other in others)
    }
    shown = ", ".join(f"{setting}={value!r}" for setting, value in differs.items())
    if others and bound.node is not None and OF in bound.node.inputs:
        return f"{bound.name} of {bound.inputs[0].name}"
    # Of two with equal settings, one reads what the other does not: the harmonic part, say.
    upstream = [upstream.name for upstream in bound.walk()]
    foreign = [name for name in upstream if others and not any(name in {b.name for b in other.walk()} for other in others)]
    return f"{bound.name}({shown})" if shown else f"{bound.name} of {foreign[-1]}" if foreign else bound.name
