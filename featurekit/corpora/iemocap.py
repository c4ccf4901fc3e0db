"""IEMOCAP: ten actors in five sessions of two, scripted plays and improvisations, every turn rated by several people."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from featurekit.corpora import Corpus, Defect, recipe
from featurekit.corpora._labels import check_span, coded, number, once, word
from featurekit.corpora._table import read_text
from featurekit.corpora._walk import audio_paths, by_stem
from featurekit.corpora._words import labels_of, read_wdseg, say_unaligned
from featurekit.errors import ManifestError
from featurekit.manifest import Utterance

EMOTIONS = {
    "ang": "anger",
    "hap": "happiness",
    "exc": "excitement",
    "sad": "sadness",
    "neu": "neutral state",
    "fru": "frustration",
    "fea": "fear",
    "sur": "surprise",
    "dis": "disgust",
    "oth": "other",
    "xxx": "no agreement",
}
# Ratings are 1 to 5; some means and some raters lie half a step outside.
LOWEST, HIGHEST = 0.0, 6.0

CORPUS = Corpus(
    name="iemocap",
    title="Interactive Emotional Dyadic Motion Capture Database (IEMOCAP)",
    languages=("en",),
    licence="research licence of the University of Southern California, on request",
    citation="Busso, Bulut, Lee, Kazemzadeh, Mower, Kim, Chang, Lee and Narayanan (2008), IEMOCAP: Interactive emotional "
    "dyadic motion capture database, Language Resources and Evaluation 42(4)",
    obtain="IEMOCAP_full_release from SAIL at the University of Southern California (sail.usc.edu/iemocap, release form)",
    tree="""
<root>/
├── Session1/
│   ├── dialog/
│   │   ├── EmoEvaluation/Ses01F_impro01.txt     times, majority emotion, mean ratings, every rater
│   │   └── transcriptions/Ses01F_impro01.txt    optional
│   └── sentences/
│       ├── ForcedAlignment/Ses01F_impro01/Ses01F_impro01_F000.wdseg     optional: word times
│       └── wav/Ses01F_impro01/Ses01F_impro01_F000.wav
├── ...
└── Session5/
""",
    expected={"all": 10039, "iemocap4": 5531},
    classes=tuple(EMOTIONS),
    labels={
        "emotion": "the corpus's code of what most raters said: "
        + ", ".join(f"{code} {meaning}" for code, meaning in EMOTIONS.items()),
        "valence": "mean of the raters, 1 negative to 5 positive",
        "activation": "mean of the raters, 1 calm to 5 excited",
        "dominance": "mean of the raters, 1 weak to 5 strong",
        "style": "improvised or scripted",
        "session": "Ses01 to Ses05, each with two actors",
        "raters": "rater → emotions named (E outsiders, F and M the actors on themselves), in the words of the corpus",
        "ratings": "rater → valence, activation, dominance as far as given",
        "words": "[start_s, end_s, word] from the turn's start, by the corpus's forced alignment; silence is left out",
    },
    default_task="iemocap4",
    conversations=True,
    defects=(
        Defect(
            "2507 of 10039 turns have no majority (xxx), and many have several emotions from one rater",
            source="counts of the label files",
        ),
        Defect(
            "the four classes are printed rotated: happy+excited is 1636, neutral 1708, sad 1084, angry 1103",
            source="Lu et al. 2020 against the label files",
        ),
        Defect("scripted dialogues repeat one text across speakers and sessions: text leaks", source="PiotrSobczak issue 18"),
        Defect(
            "two turns have no forced alignment: Ses03F_impro07_M030, Ses03M_impro03_M001", source="public code that reads it"
        ),
        Defect(
            "dialogues are called after the actor who wore the markers (Ses01F); who speaks is said by the turn's letter",
            source="Busso et al. 2008",
        ),
    ),
)

_TURN = re.compile(r"\[(?P<start>[\d.]+) - (?P<end>[\d.]+)\]\s+(?P<id>\S+)\s+(?P<emotion>\S+)\s+\[(?P<means>[^\]]*)\]")
_NAME = re.compile(r"(?P<dialogue>Ses0[1-5][FM]_(?P<style>impro|script)\w+)_(?P<gender>[FM])[A-Z0-9]*\d+")
_DIALOGUE = re.compile(r"Ses0[1-5][FM]_(?:impro|script)\d\d(?:_\d)?[ab]?")  # its audio as a whole, below dialog, is no turn
_RATER = re.compile(r"(?P<kind>[CA])-(?P<rater>\w+):\s*(?P<body>.*?)\s*(\(.*)?")
_DIMENSIONS = {"val": "valence", "act": "activation", "dom": "dominance"}


@dataclass
class _Turn:
    id: str
    where: str
    start: float
    labels: dict[str, Any] = field(default_factory=dict)


@recipe(CORPUS)
def utterances(root: Path) -> Iterator[Utterance]:
    """Read the label files of every dialogue; each turn is a file of its own.

    ::

        <root>/Session1/dialog/EmoEvaluation/Ses01F_impro01.txt
            [6.2901 - 8.2357]   Ses01F_impro01_F000   neu   [2.5000, 2.5000, 2.5000]
            C-E2:   Neutral;    ()
            A-E3:   val 3; act 2; dom  2;   ()
        <root>/Session1/sentences/wav/Ses01F_impro01/Ses01F_impro01_F000.wav

    The recording is the dialogue, the position the rank in time; the speaker is the session and the turn's own letter
    (Ses01F). A turn's labels stay as the corpus gives them; ``iemocap4``, ``iemocap5`` and ``iemocap6`` are tasks.

    The tree and the lines of the label files are those public descriptions show (CXianRen/AMST, s3prl and others), the names
    those of EmoBox's 5531; how lines with missing ratings look is from memory. A sentence without a label line has no labels.
    Word times are those of ``ForcedAlignment``, where it is: the folder is in the same public trees, and its lines are those
    that CMU Sphinx writes and public code reads.

    Raises
    ------
    ManifestError
        For a broken line, an unknown emotion, a turn rated twice, or a sentence file that is there twice or unlike a turn.
    """
    turns, texts, alignments = _read_turns(root), _read_texts(root), _index_alignments(root)
    found = (path for path in audio_paths(root) if "/dialog/" not in f"/{path}" and not _DIALOGUE.fullmatch(Path(path).stem))
    paths = by_stem(path for path, _ in coded(found, _NAME, "Ses01F_impro01_F000.wav"))
    unrated = [_Turn(name, paths[name], float("inf")) for name in sorted(paths.keys() - turns.keys())]
    ranks: dict[str, int] = {}
    unaligned = []
    for turn in sorted([*turns.values(), *unrated], key=lambda turn: (_dialogue(turn), turn.start, turn.id)):
        dialogue = _dialogue(turn)
        gender, session = turn.id.rpartition("_")[2][0], dialogue[:5]
        expected = f"Session{session[-1]}/sentences/wav/{dialogue}/{turn.id}.wav"
        words = read_wdseg(alignments[turn.id]) if turn.id in alignments else []
        if not words:
            unaligned.append(turn.id)
        yield Utterance(
            id=turn.id,
            path=paths.get(turn.id, expected),
            recording=dialogue,
            position=ranks.setdefault(dialogue, 0),
            speaker=f"{session}{gender}",
            gender={"F": "female", "M": "male"}[gender],
            language="en",
            text=texts.get(turn.id, ""),
            labels={
                **turn.labels,
                "style": "improvised" if "_impro" in dialogue else "scripted",
                "session": session,
                **labels_of(words),
            },
        )
        ranks[dialogue] += 1
    if alignments:
        say_unaligned(unaligned, len(turns) + len(unrated), "ForcedAlignment/*.wdseg")


def _dialogue(turn: _Turn) -> str:
    match = _NAME.fullmatch(turn.id)
    if match is None:
        raise ManifestError(f"{turn.where}: {turn.id!r} is no turn of IEMOCAP, which are called like Ses01F_impro01_F000")
    return match["dialogue"]


def _read_turns(root: Path) -> dict[str, _Turn]:
    turns: dict[str, _Turn] = {}
    seen: dict[str, str] = {}
    for path in sorted(root.glob("Session[1-5]/dialog/EmoEvaluation/Ses*.txt")):
        turn = None
        for line_number, line in enumerate(read_text(path, "replace").splitlines(), 1):  # remarks may be Latin-1
            where = f"{path}:{line_number}"
            if line.startswith("["):
                turn = _read_turn(line, where)
                once(seen, turn.id, where)
                turns[turn.id] = turn
            elif turn is not None and line[:2] in ("C-", "A-"):
                _read_rater(line, turn, where)
    return turns


def _read_turn(line: str, where: str) -> _Turn:
    match = _TURN.match(line)
    means = match["means"].split(",") if match else []
    if match is None or len(means) != 3:
        raise ManifestError(f"{where}: expected [start - end] turn emotion [valence, activation, dominance], got {line!r}")
    start, end = (number(match[name], name, where) for name in ("start", "end"))
    check_span(start, end, where)
    word(match["emotion"], EMOTIONS, "emotion", where)
    labels = {
        name: number(mean.strip(), name, where, LOWEST, HIGHEST) for name, mean in zip(_DIMENSIONS.values(), means, strict=True)
    }
    return _Turn(match["id"], where, start, {"emotion": match["emotion"], **labels, "raters": {}, "ratings": {}})


def _read_rater(line: str, turn: _Turn, where: str) -> None:
    match = _RATER.fullmatch(line.strip())
    if match is None:
        raise ManifestError(f"{where}: expected a rater like C-E1: or A-E1:, got {line!r}")
    if match["kind"] == "C":
        turn.labels["raters"][match["rater"]] = [name.strip() for name in match["body"].split(";") if name.strip()]
    else:
        turn.labels["ratings"][match["rater"]] = dict(_read_ratings(match["body"], where))


def _read_ratings(body: str, where: str) -> Iterator[tuple[str, float]]:
    for part in filter(None, map(str.strip, body.split(";"))):
        code, _, cell = part.partition(" ")
        if code not in _DIMENSIONS:
            raise ManifestError(f"{where}: expected val, act and dom, got {part!r}")
        if cell.strip():  # some raters left a dimension out
            yield _DIMENSIONS[code], number(cell.strip(), _DIMENSIONS[code], where, LOWEST, HIGHEST)


def _index_alignments(root: Path) -> dict[str, Path]:
    """Turn → its word alignment; empty where the corpus was copied without them."""
    return {path.stem: path for path in sorted(root.glob("Session[1-5]/sentences/ForcedAlignment/*/Ses*.wdseg"))}


def _read_texts(root: Path) -> dict[str, str]:
    texts = {}
    for path in sorted(root.glob("Session[1-5]/dialog/transcriptions/Ses*.txt")):
        for line in read_text(path, "replace").splitlines():
            name, separator, text = line.partition("]:")
            if separator and name.startswith("Ses"):
                texts[name.split()[0]] = text.strip()
    return texts
