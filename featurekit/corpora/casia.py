"""CASIA: four speakers say the same Mandarin sentences in six emotions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from featurekit.corpora import Corpus, Defect, recipe
from featurekit.corpora._strays import StrayFileError, each, once_each
from featurekit.corpora._walk import audio_paths
from featurekit.manifest import Utterance

EMOTIONS = ("angry", "fear", "happy", "neutral", "sad", "surprise")

CORPUS = Corpus(
    name="casia",
    title="CASIA Chinese Emotional Speech Database",
    languages=("zh",),
    licence="research licence of the Chinese Academy of Sciences; a part circulates without one",
    citation="Tao, Liu, Zhang and Jia (2008), Design of speech corpus for Mandarin text to speech, Blizzard Challenge "
    "workshop 2008",
    obtain="the corpus from the Institute of Automation, Chinese Academy of Sciences; most papers use the free part of 1200",
    tree="""
<root>/
├── liuchanhg/                 a speaker
│   ├── angry/201.wav          an emotion; 201 is the sentence
│   └── ...                    angry, fear, happy, neutral, sad, surprise
├── wangzhe/
├── zhaoquanyin/
└── ZhaoZuoxiang/              or, anywhere, names like 201-angry-liuchanhg.wav
""",
    expected={"free part": 1200, "all": 9600},
    classes=EMOTIONS,
    labels={"emotion": "acted emotion, one of six", "sentence": "its number; the same texts for all speakers and emotions"},
    defects=(
        Defect(
            "speaker-disjoint folds still share all sentences; random folds score 91 where speaker-disjoint ones score 60",
            source="EmoBox's folds and leaderboard, TIM-Net's README",
        ),
        Defect(
            "1200 of 9600 utterances circulate, under dead links",
            source="Renovamen/Speech-Emotion-Recognition, issues 6 and 17",
        ),
    ),
)

_NUMBER = re.compile(r"\d+", re.ASCII)
_NAME = re.compile(r"(\d+)-([a-z]+)-([\w.]+)")


@recipe(CORPUS)
def utterances(root: Path) -> Iterator[Utterance]:
    """Read speaker and emotion from the folders, or from names that hold both.

    ::

        <root>/wangzhe/neutral/239.wav
        <root>/CASIA/angry/201-angry-liuchanhg.wav

    All 1200 names that EmoBox's metadata of the free part lists (sentences 201 to 250) are read. Not verified: the layout of
    the full corpus, names that hold both, the speakers' gender (left empty) and the texts.

    Raises
    ------
    ManifestError
        For an emotion the corpus does not have, a file that says nothing of speaker and emotion, or two of one utterance.
    """
    yield from once_each(each(audio_paths(root), _utterance))


def _utterance(path: str) -> Utterance:
    parts = PurePosixPath(path).parts
    stem = PurePosixPath(path).stem
    match = _NAME.fullmatch(stem)
    if match is not None:
        sentence, emotion, speaker = match.groups()
    elif len(parts) >= 3 and _NUMBER.fullmatch(stem):
        speaker, emotion, sentence = parts[-3], parts[-2].lower(), stem
    else:
        raise StrayFileError(f"{path!r}: expected <speaker>/<emotion>/<number>.wav or <number>-<emotion>-<speaker>.wav")
    if emotion not in EMOTIONS:
        raise StrayFileError(f"{path!r}: unknown emotion {emotion!r}; CASIA has {', '.join(EMOTIONS)}")
    return Utterance(
        id=f"{speaker}-{emotion}-{sentence}",
        path=path,
        speaker=speaker,
        language="zh",
        labels={"emotion": emotion, "sentence": sentence},
    )
