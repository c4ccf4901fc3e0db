"""openSMILE's standard sets, through the optional ``opensmile`` package: eGeMAPS and ComParE, functionals and descriptors.

featurekit does not contain openSMILE. The package is audEERING's, under the audEERING Research Licence: free for
research, not for commercial products; read it before you use these features
(https://www.audeering.com/licenses/opensmile). The four features here only call it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from featurekit.errors import MissingDependencyError, ParameterError
from featurekit.features.graph import Clock, Function, Settings, feature

HOP_S = 0.01
SHORTEST_S = 0.06  # below it openSMILE has no frame
_EGEMAPS, _COMPARE = "eGeMAPSv02", "ComParE_2016"
_EGEMAPS_START_S, _COMPARE_START_S = 0.01, 0.03  # centre of the first frame
_DESCRIPTORS, _FUNCTIONALS = "LowLevelDescriptors", "Functionals"


@functools.lru_cache(maxsize=8)
def _smile(feature_set: str, level: str) -> Any:
    """An extractor, configured once a process."""
    try:
        import opensmile
    except ModuleNotFoundError:
        raise MissingDependencyError(
            f"{feature_set} needs opensmile, which is under the audEERING Research Licence; pip install 'featurekit[opensmile]'"
        ) from None
    return opensmile.Smile(getattr(opensmile.FeatureSet, feature_set), getattr(opensmile.FeatureLevel, level))


def _names(feature_set: str, level: str) -> Callable[[Settings], tuple[str, ...]]:
    return lambda settings: tuple(_smile(feature_set, level).feature_names)


def _computed(signal: np.ndarray, sample_rate: int, feature_set: str, level: str) -> np.ndarray:
    """What openSMILE gives [shape=(dims, frames)]. It reads 16-bit samples: beyond full scale is clipped, not wrapped."""
    missing = max(0, round(SHORTEST_S * sample_rate) - len(signal))
    heard = np.pad(np.clip(signal, -1.0, 1.0), (0, missing))
    table = _smile(feature_set, level).process_signal(heard, sample_rate)
    return np.ascontiguousarray(table.to_numpy(np.float32).T)


def _clock(start_s: float) -> Callable[[Settings], Clock]:
    """Its first frame begins at 0, and its last ends before the signal does: 50 ms of frames are lacking."""

    def clock(settings: Settings) -> Clock:
        hop_length = round(HOP_S * settings["sample_rate"])
        return Clock(hop_length, start=start_s * settings["sample_rate"], extra=-4 * hop_length)

    return clock


def _check_rate(settings: Settings) -> None:
    if settings["sample_rate"] % 100:
        raise ParameterError(
            f"openSMILE's frames are 10 ms apart, which at {settings['sample_rate']} Hz is no whole number of samples; "
            "use sample_rate=16000, or another multiple of 100"
        )


def _frames(signal: np.ndarray, sample_rate: int, feature_set: str, start_s: float) -> np.ndarray:
    values = _computed(signal, sample_rate, feature_set, _DESCRIPTORS)
    return values[:, : _clock(start_s)({"sample_rate": sample_rate}).n_frames(len(signal))]


def _vector(feature_set: str, dims: int) -> Callable[[Function], Function]:
    """Declare the functionals of a set."""
    return feature(unit="", kind="vector", dims=dims, dim_names=_names(feature_set, _FUNCTIONALS), extra="opensmile")


def _over_time(feature_set: str, dims: int, start_s: float) -> Callable[[Function], Function]:
    """Declare the descriptors of a set, the first centred at ``start_s``."""
    names, clock = _names(feature_set, _DESCRIPTORS), _clock(start_s)
    return feature(unit="", dims=dims, dim_names=names, clock=clock, check=_check_rate, extra="opensmile")


@_vector(_EGEMAPS, 88)
def egemaps(signal: np.ndarray, sample_rate: int) -> np.ndarray:
    """eGeMAPSv02: 88 functionals of voice, by openSMILE (audEERING Research Licence: not for commercial products).

    Every dim has its own unit, which openSMILE's name says. A clip shorter than 60 ms is padded with silence.

    Parameters
    ----------
    signal : np.ndarray [shape=(samples,)]
    sample_rate : int

    Returns
    -------
    np.ndarray [shape=(88, 1)]

    References
    ----------
    Eyben et al. (2016), The Geneva minimalistic acoustic parameter set (GeMAPS) for voice research and affective
    computing, IEEE Transactions on Affective Computing 7(2). doi:10.1109/TAFFC.2015.2457417
    """
    return _computed(signal, sample_rate, _EGEMAPS, _FUNCTIONALS)


@_over_time(_EGEMAPS, 25, _EGEMAPS_START_S)
def egemaps_lld(signal: np.ndarray, sample_rate: int) -> np.ndarray:
    """eGeMAPSv02: the 25 low-level descriptors, every 10 ms, by openSMILE (audEERING Research Licence).

    Frames are openSMILE's own: a frame's windows begin at ``0.01 t`` s and are 20 to 60 ms long.

    Parameters
    ----------
    signal : np.ndarray [shape=(samples,)]
    sample_rate : int
        A multiple of 100.

    Returns
    -------
    np.ndarray [shape=(25, frames)]

    References
    ----------
    Eyben et al. (2016). doi:10.1109/TAFFC.2015.2457417
    """
    return _frames(signal, sample_rate, _EGEMAPS, _EGEMAPS_START_S)


@_vector(_COMPARE, 6373)
def compare(signal: np.ndarray, sample_rate: int) -> np.ndarray:
    """ComParE_2016: 6373 functionals, by openSMILE (audEERING Research Licence: not for commercial products).

    Every dim has its own unit, which openSMILE's name says. A clip shorter than 60 ms is padded with silence.

    Parameters
    ----------
    signal : np.ndarray [shape=(samples,)]
    sample_rate : int

    Returns
    -------
    np.ndarray [shape=(6373, 1)]

    References
    ----------
    Schuller et al. (2016), The INTERSPEECH 2016 computational paralinguistics challenge. doi:10.21437/Interspeech.2016-129
    """
    return _computed(signal, sample_rate, _COMPARE, _FUNCTIONALS)


@_over_time(_COMPARE, 65, _COMPARE_START_S)
def compare_lld(signal: np.ndarray, sample_rate: int) -> np.ndarray:
    """ComParE_2016: the 65 low-level descriptors, every 10 ms, by openSMILE (audEERING Research Licence).

    Frames are openSMILE's own: a frame's windows begin at ``0.01 t`` s and are 20 to 60 ms long.

    Parameters
    ----------
    signal : np.ndarray [shape=(samples,)]
    sample_rate : int
        A multiple of 100.

    Returns
    -------
    np.ndarray [shape=(65, frames)]

    References
    ----------
    Schuller et al. (2016). doi:10.21437/Interspeech.2016-129
    """
    return _frames(signal, sample_rate, _COMPARE, _COMPARE_START_S)
