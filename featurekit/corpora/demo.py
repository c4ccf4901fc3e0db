"""The corpus that needs nobody's permission: synthetic monologues with sentiment in their prosody.

It has CMU-MOSI's shape: one speaker a recording, consecutive utterances cut by time from one file, scores in [-3, 3], and
sentiment that lingers from one utterance to the next, so that context is worth having. Speakers differ in pitch, tract
length, tempo, level and breath, recordings in room, noise and gain; the score moves pitch, its range, level, tempo and
breaks. So the task can be learnt across speakers, but not by one number. Recordings lie inside speakers (no dialogues): a
speaker-disjoint split cannot leak a recording. What is learnt here says nothing about people.
"""

from __future__ import annotations

import csv
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from featurekit.corpora import Corpus, recipe
from featurekit.corpora._table import csv_rows
from featurekit.errors import ManifestError, ParameterError
from featurekit.manifest import Utterance
from featurekit.settings import digest

TABLE, MARKER, AUDIO_FOLDER = "segments.csv", "COMPLETE.json", "audio"
VERSION = 1  # count up when the samples change, so that an old folder is not taken for a new one
COLUMNS = ("recording", "segment", "start", "end", "speaker", "gender", "score", "text")
# Valence ranges keep away from the borders of the classes: scores are 3 x valence, the task cuts at -0.5 and 0.5.
VALENCES = {"negative": (-1.0, -0.4), "neutral": (-0.1, 0.1), "positive": (0.4, 1.0)}
STAY = 0.6  # probability that an utterance has the sentiment of the one before

CORPUS = Corpus(
    name="demo",
    title="Synthetic monologues with sentiment in their prosody",
    languages=(),
    licence="none needed: made by this program",
    citation="",
    obtain="nothing: `featurekit demo` synthesises it, as does featurekit.corpora.demo.synthesise(folder)",
    tree=f"""
<root>/
├── {MARKER}      the parameters it was made with; written last
├── {TABLE}       {",".join(COLUMNS)}
└── {AUDIO_FOLDER}/
    ├── s01r01.flac     recording 1 of speaker 1: consecutive utterances with breaks
    └── ...
""",
    expected={"default": 672},
    labels={"score": "sentiment from -3 to 3; at or below -0.5 negative, at or above 0.5 positive, never near the borders"},
    default_task="sentiment3",
    conversations=True,
)


@recipe(CORPUS)
def utterances(root: Path) -> Iterator[Utterance]:
    """Read a synthesised folder.

    ::

        <root>/segments.csv         recording,segment,start,end,speaker,gender,score,text
        <root>/audio/s01r01.flac

    Raises
    ------
    ManifestError
        For a broken line of the table.
    """
    if not (root / TABLE).is_file():
        return
    rows = csv_rows(root / TABLE)
    next(rows, None)
    for where, cells in rows:
        try:
            recording, segment, start, end, speaker, gender, score, text = cells
            yield Utterance(
                id=f"{recording}_{segment}",
                path=f"{AUDIO_FOLDER}/{recording}.flac",
                start=float(start),
                end=float(end),
                recording=recording,
                position=int(segment),
                speaker=speaker,
                gender=gender,
                text=text,
                labels={"score": float(score)},
            )
        except ValueError:
            raise ManifestError(f"{where}: expected {','.join(COLUMNS)}, got {','.join(cells)!r}") from None


def synthesise(
    root: str | Path,
    *,
    speakers: int = 28,
    recordings_per_speaker: int = 4,
    utterances_per_recording: int = 6,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Make the corpus in a folder; a folder that already holds it is left as it is.

    The folder appears whole or not at all: it is made under another name beside it and renamed at the end.

    Parameters
    ----------
    root : str or Path
        Where to; must not exist, be empty, or hold this corpus with the same parameters.
    speakers, recordings_per_speaker, utterances_per_recording : int
        Sizes; women and men alternate. The default is 672 utterances, about twenty minutes.
    seed : int
        Same seed, same samples.
    progress : callable, optional
        Called as ``progress(done, total)`` after each recording.

    Returns
    -------
    Path
        ``root``.

    Raises
    ------
    ParameterError
        For a size under 1 or a folder that holds something else.
    OSError
        When the folder cannot be written.
    """
    sizes = {
        "speakers": speakers,
        "recordings_per_speaker": recordings_per_speaker,
        "utterances_per_recording": utterances_per_recording,
    }
    for name, value in sizes.items():
        if value < 1:
            raise ParameterError(f"{name} must be 1 or more, got {value}")
    marker = {"version": VERSION, "seed": seed, **sizes}
    root = Path(root)
    if _holds(root, marker):
        return root
    root.parent.mkdir(parents=True, exist_ok=True)
    making = Path(tempfile.mkdtemp(prefix=f".{root.name}-", dir=root.parent))
    try:
        _fill(making, marker, progress)
        making.chmod(0o755)  # mkdtemp makes it private
        try:
            os.replace(making, root)  # noqa: PTH105 - the builtin's name says that an empty folder gives way
        except OSError:
            if not _holds(root, marker):  # else another process was faster
                raise
    finally:
        shutil.rmtree(making, ignore_errors=True)
    return root


def _holds(root: Path, marker: dict[str, int]) -> bool:
    """Whether a folder holds this very corpus; one that holds anything else is refused."""
    if not root.exists():
        return False
    try:
        found = json.loads((root / MARKER).read_text("utf-8"))
    except (OSError, ValueError):
        found = None
    if found == {**marker, "digest": digest(marker)}:
        return True
    if isinstance(found, dict):
        sizes = [f"{name} {found.get(name)}, not {value}" for name, value in marker.items() if found.get(name) != value]
        raise ParameterError(f"{str(root)!r} holds another demo corpus ({'; '.join(sizes)}); remove it or name a new folder")
    if not root.is_dir() or any(root.iterdir()):
        raise ParameterError(f"{str(root)!r} holds something else; name a new folder or remove it")
    return False


def _fill(folder: Path, marker: dict[str, int], progress: Callable[[int, int], None] | None) -> None:
    import soundfile

    (folder / AUDIO_FOLDER).mkdir()
    total = marker["speakers"] * marker["recordings_per_speaker"]
    rows: list[tuple[str, ...]] = []
    for index in range(total):
        speaker, recording = divmod(index, marker["recordings_per_speaker"])
        name = f"s{speaker + 1:02d}r{recording + 1:02d}"
        samples, rate, segments = _record(marker["seed"], speaker, recording, marker["utterances_per_recording"])
        soundfile.write(folder / AUDIO_FOLDER / f"{name}.flac", samples, rate, subtype="PCM_16")
        rows += [(name, *segment) for segment in segments]
        if progress:
            progress(index + 1, total)
    with open(folder / TABLE, "w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([COLUMNS, *rows])
    (folder / MARKER).write_text(json.dumps({**marker, "digest": digest(marker)}) + "\n", "utf-8")


def _record(seed: int, speaker: int, recording: int, count: int) -> tuple[np.ndarray, int, list[tuple[str, ...]]]:
    """One monologue: samples (n,), their rate, and a table row (without the recording's name) for each utterance."""
    from featurekit.corpora import _synthesis as synthesis

    gender = ("female", "male")[speaker % 2]
    voice = synthesis.draw_voice(np.random.default_rng([seed, speaker]), gender)
    rng = np.random.default_rng([seed, speaker, recording])
    rate = synthesis.SAMPLE_RATE
    parts, rows = [_silence(rng, rate)], []
    for number, valence in enumerate(_valences(rng, count, speaker + recording), 1):
        spoken, text = synthesis.speak(rng, voice, synthesis.draw_prosody(rng, valence), int(rng.integers(4, 10)))
        first = sum(map(len, parts))
        times = (f"{frame / rate:.4f}" for frame in (first, first + len(spoken)))
        rows.append((str(number), *times, f"s{speaker + 1:02d}", gender, f"{3 * valence:.2f}", text))
        parts += [spoken, _silence(rng, rate)]
    samples = synthesis.add_room(rng, np.concatenate(parts))
    return samples * min(1.0, 0.95 / np.abs(samples).max()), rate, rows


def _silence(rng: np.random.Generator, rate: int) -> np.ndarray:
    return np.zeros(int(rng.uniform(0.2, 0.6) * rate))


def _valences(rng: np.random.Generator, count: int, state: int) -> list[float]:
    """Sentiments of consecutive utterances: a chain that stays where it is more often than not.

    Recordings begin with each class in turn, which keeps the classes about equal.
    """
    names = list(VALENCES)
    state %= len(names)
    drawn = []
    for _ in range(count):
        drawn.append(float(rng.uniform(*VALENCES[names[state]])))
        if rng.random() > STAY:
            state = int((state + rng.integers(1, len(names))) % len(names))
    return drawn
