"""RAVDESS, speech: 24 actors say two statements in eight emotions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from featurekit.corpora import Corpus, Defect, recipe
from featurekit.corpora._labels import say_left_out
from featurekit.corpora._strays import StrayFileError, each
from featurekit.corpora._walk import audio_paths, by_stem
from featurekit.manifest import Utterance

EMOTIONS = {
    "01": "neutral",
    "02": "calm",
    "03": "happy",
    "04": "sad",
    "05": "angry",
    "06": "fearful",
    "07": "disgust",
    "08": "surprised",
}
INTENSITIES = {"01": "normal", "02": "strong"}
STATEMENTS = {"01": "Kids are talking by the door", "02": "Dogs are sitting by the door"}
ACTORS = 24

CORPUS = Corpus(
    name="ravdess",
    title="Ryerson Audio-Visual Database of Emotional Speech and Song: speech, audio only",
    languages=("en",),
    licence="CC BY-NC-SA 4.0",
    citation="Livingstone and Russo (2018), The Ryerson Audio-Visual Database of Emotional Speech and Song (RAVDESS), "
    "PLoS ONE 13(5): e0196391",
    obtain="Audio_Speech_Actors_01-24.zip from Zenodo, record 1188976 (S. R. Livingstone and F. A. Russo)",
    tree="""
<root>/
├── Actor_01/
│   ├── 03-01-01-01-01-01-01.wav   modality-channel-emotion-intensity-statement-repetition-actor
│   └── ...                        .wav or .flac, at any depth; song (03-02-*) and video (01-*, 02-*) are passed over
├── ...
└── Actor_24/
""",
    expected={"speech": 1440},
    classes=tuple(EMOTIONS.values()),
    labels={
        "emotion": "acted emotion, one of eight",
        "intensity": "normal or strong; neutral has normal only",
        "statement": "1 kids, 2 dogs",
        "repetition": "1 or 2",
    },
    defects=(
        Defect(
            "published twice, as repetitions 1 and 2",
            source="Zenodo 1188976; equal bytes seen here at 16 and at 48 kHz",
            names=("03-01-03-01-02-01-07", "03-01-03-01-02-02-07"),
            checks=("same-bytes", "same-audio"),
        ),
        Defect(
            "stereo among 1,435 mono files, both channels equal",
            source="public audits of Zenodo 1188976",
            names=(
                "03-01-02-01-01-02-01",
                "03-01-08-01-02-02-01",
                "03-01-02-01-02-02-05",
                "03-01-03-01-02-01-20",
                "03-01-06-01-01-02-20",
            ),
            checks=("channels",),
        ),
        Defect(
            "recorded 13 dB quieter than the other actors",
            source="all 1,440 files, seen here at 16 kHz",
            names=("Actor_09",),
            checks=("speaker-level",),
        ),
        Defect("two sentences only: text is shared by all folds", source="Livingstone and Russo 2018"),
        Defect(
            "2,880 or 2,452 files where video's sound or song is counted in: one performance on both sides of a split",
            source="marcogdepinto/emotion-classification-from-audio-files issues 6 and 11, Speech-Emotion-Analyzer issue 14",
        ),
    ),
)

_NAME = re.compile(r"(\d\d)-(\d\d)-(\d\d)-(\d\d)-(\d\d)-(\d\d)-(\d\d)")
_AUDIO_ONLY, _SPEECH = "03", "01"


@recipe(CORPUS)
def utterances(root: Path) -> Iterator[Utterance]:
    """Read the audio-only speech files.

    ::

        <root>/Actor_01/03-01-06-01-02-01-12.wav
                        │  │  │  │  │  │  └─ actor, odd are men, even are women
                        │  │  │  │  │  └─ repetition 1, 2
                        │  │  │  │  └─ statement 1, 2
                        │  │  │  └─ intensity 1 normal, 2 strong
                        │  │  └─ emotion 1 to 8
                        │  └─ vocal channel 1 speech, 2 song
                        └─ modality 1 full, 2 video, 3 audio only

    Raises
    ------
    ManifestError
        For a code the corpus does not have, or a file that is there twice.
    """
    speech: dict[str, tuple[str, ...]] = {}
    paths = []
    others = []
    for path in audio_paths(root):
        name = _NAME.fullmatch(Path(path).stem)
        if name is None:
            others.append(path)
        elif name[1] == _AUDIO_ONLY and name[2] == _SPEECH:
            speech[path] = name.groups()
            paths.append(path)
    say_left_out(others, "are called unlike RAVDESS's")
    yield from each(sorted(by_stem(paths).items()), lambda item: _utterance(*item, speech[item[1]]))


def _utterance(stem: str, path: str, codes: tuple[str, ...]) -> Utterance:
    _, _, emotion, intensity, statement, repetition, actor = codes
    if not (
        emotion in EMOTIONS
        and intensity in INTENSITIES
        and statement in STATEMENTS
        and repetition in ("01", "02")
        and 1 <= int(actor) <= ACTORS
    ):
        raise StrayFileError(
            f"{path}: RAVDESS has emotions 01 to 08, intensities, statements and repetitions 01 and 02, actors 01 to {ACTORS}"
        )
    return Utterance(
        id=stem,
        path=path,
        speaker=f"Actor_{actor}",
        gender="male" if int(actor) % 2 else "female",
        language="en",
        text=STATEMENTS[statement],
        labels={
            "emotion": EMOTIONS[emotion],
            "intensity": INTENSITIES[intensity],
            "statement": int(statement),
            "repetition": int(repetition),
        },
    )
