"""What lhotse does to a recording when it reads it, as far as it can be done here; the rest is refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from featurekit.errors import ManifestError

_WIDEST_HZ = 16000  # resampled to this or more, a file still holds all that features at their usual rate take of it
_SLOWEST, _FASTEST = 0.5, 2.0  # what the perturbation speed takes


class Heard(NamedTuple):
    """How a recording is heard.

    Parameters
    ----------
    factor : float
        A second of the cut is so many seconds of the file.
    perturbation : str
        What makes the file sound like the cut; empty where nothing has to.
    mark : str
        What lhotse appends to the ids of such a copy.
    is_resampled : bool
        Whether it was brought to another rate, which happens here when features are computed.
    """

    factor: float = 1.0
    perturbation: str = ""
    mark: str = ""
    is_resampled: bool = False


def heard(recording: Mapping[str, Any], where: str) -> Heard:
    """How lhotse hears a recording: as the file, at another speed or rate.

    Raises
    ------
    ManifestError
        For any other transform: the file without it would be other audio under the same label.
    """
    transforms = recording.get("transforms") or []
    if not isinstance(transforms, list):
        raise ManifestError(f"{where}: transforms must be a list, got {transforms!r}")
    result = Heard()
    for transform in transforms:
        name = transform.get("name") if isinstance(transform, dict) else None
        settings = transform.get("kwargs") if isinstance(transform, dict) else None
        settings = settings if isinstance(settings, dict) else {}
        if name == "Resample" and _is_harmless(settings):
            result = result._replace(is_resampled=True)
        elif name == "Speed" and not result.perturbation and _SLOWEST <= _number(settings.get("factor")) <= _FASTEST:
            factor = float(settings["factor"])
            result = result._replace(factor=factor, perturbation=f"speed(factor={factor!r})", mark=f"_sp{settings['factor']}")
        else:
            raise ManifestError(
                f"{where}: the recording {recording.get('id')!r} is transformed by {_described(transform)}, which cannot be "
                f"done here; a speed of {_SLOWEST:g} to {_FASTEST:g} can, and a resampling to {_WIDEST_HZ} Hz or more; save "
                "the audio that lhotse makes of it (save_audios), or leave the cut out"
            )
    return result


def _is_harmless(settings: Mapping[str, Any]) -> bool:
    source, target = (_number(settings.get(f"{which}_sampling_rate")) for which in ("source", "target"))
    return target >= _WIDEST_HZ or 0 < source <= target


def _number(value: object) -> float:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else 0.0


def _described(transform: object) -> str:
    if not isinstance(transform, dict) or not isinstance(transform.get("name"), str):
        return repr(transform)[:60]
    settings = transform.get("kwargs")
    settings = settings if isinstance(settings, dict) else {}
    plain = {key: value for key, value in settings.items() if isinstance(value, (int, float, str))}
    return f"{transform['name']}({', '.join(f'{key}={value!r}' for key, value in plain.items())})"
