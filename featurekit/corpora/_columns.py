"""Which column of a table means what: a name that is nearly right is read with a note where it is plain, else asked about."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from featurekit.audio import is_audio_name
from featurekit.errors import ManifestError
from featurekit.manifest import FIELDS

DURATION = "the segment's duration"  # what a manifest calls duration_s is what a whole utterance is said to last
RAW = "the column "  # before the name of a raw label that is called as a field of a manifest

# Field → names, without case and signs, that mean it where it has no column of its own.
_ALIASES: Mapping[str, tuple[str, ...]] = {
    "path": (
        *("path", "file", "filename", "file_name", "fname", "filepath", "file_path", "relative_path", "wav", "wav_file"),
        *("wav_path", "wavfile", "wavpath", "audio", "audio_file", "audio_path", "audiofile", "audiopath", "audio_filepath"),
    ),
    "id": ("id", "utt_id", "uttid", "utterance_id"),
    "label": ("label", "labels", "class"),
    "speaker": (
        *("speaker", "speakers", "speaker_id", "speakerid", "speaker_name", "spk", "spk_id", "spkid", "spkr", "spkr_id"),
        *("talker", "talker_id"),
    ),
    "gender": ("gender", "sex"),
    "language": ("language", "lang"),
    "text": ("text", "transcript", "transcription"),
    "recording": ("recording", "recording_id"),
    "channel": ("channel",),
    "position": ("position",),
}
# A start and an end in seconds are taken in pairs: a start_time alone may be the time of day.
_STARTS = (
    "start",
    "start_time",
    "starttime",
    "start_s",
    "start_sec",
    "start_seconds",
    "begin",
    "begin_time",
    "begin_s",
    "onset",
)
_ENDS = ("end", "end_time", "endtime", "end_s", "end_sec", "end_seconds")
_PERHAPS_TIMES = tuple({*pair.split()} for pair in ("from to", "t0 t1", "tmin tmax", "xmin xmax", "frame_offset num_frames"))
_DURATIONS = ("duration", "duration_s", "duration_sec", "duration_seconds", "dur", "dur_s")
_MAYBE_END = re.compile(r"(end|stop|finish|until|offset|dur|duration|length|len)(_.*)?|(n|num)_?(samples|frames)")
_MAYBE_STOP = re.compile(r"(stop|finish|until)(_.*)?|end_.*|(n|num)_?(samples|frames)")
_SURELY_END = re.compile(r"(end|stop|finish|until)(_.*)?")
_OTHER_UNIT = re.compile(r"(start|begin|onset)_?(ms|msec|milliseconds|samples?|frames?)")
_COUNTER = re.compile(r"Unnamed: \d+|__index_level_\d+__")  # pandas' index, where it has no name
_RAW = ("emotion", "sentiment", "session", "part", "split")  # raw labels that tasks and splits ask for by name
_CHILDREN = {"parent", "perturbation", "fingerprint"}  # fields where all are there: a manifest's frame, saved as a table
# Words of column names that may mean the speaker, and words beside which they do not.
_MAYBE_SPEAKER = re.compile(
    r"speakers?|spkr?|spkname|talker|act(or|ress)|subject|participant|client|person|user|author|reader|narrator|voice|caller|"
    r"singer|performer|character|sid|uid|sprecher(in)?|locut(eur|rice|or)|hablante|parlante"
)
_NOT_SPEAKER = re.compile(
    r"age|gender|sex|accent|native|language|dialect|count|roles?|type|text|url|email|agent|emotion|rate|turns?"
)
_MAYBE_LABEL = re.compile(r"emo|emotions|emotion_(label|class|name)|label_(name|id)|class_(label|name)|classes|target|category")


@dataclass(frozen=True)
class Columns:
    """What the columns of a table are.

    Parameters
    ----------
    names : mapping
        Column as it is written → the field, ``label`` or :data:`DURATION` it is, or the raw label's name; empty for
        pandas' index.
    notes : tuple of str
        What was taken for what.
    questions : tuple of str
        What is probably meant otherwise.
    spare_duration : str
        Column of durations, beside one of ends: it ends a segment whose end is not told, and is a raw label, too.
    """

    names: Mapping[str, str]
    notes: tuple[str, ...]
    questions: tuple[str, ...]
    spare_duration: str = ""


def understand(
    written: Sequence[str], where: str, *, is_json: bool = False, first_row: Mapping[str, str] = MappingProxyType({})
) -> Columns:
    """Find the fields among column names.

    Parameters
    ----------
    written : sequence of str
        As the table has them; a nameless one is no field.
    where : str
        File and line, for the errors.
    is_json : bool
        A JSONL manifest: ``labels`` and ``duration_s`` are its own fields.
    first_row : mapping
        Column → cell, to tell which column holds files' names where none is called so.

    Raises
    ------
    ManifestError
        Without a path, or when two columns may be it; and for a segment whose start has an end that is not understood.
    """
    plain = {name: _plain(name) for name in written if name}
    fields = {*FIELDS, "label"}
    if not is_json:
        fields -= {"labels"} if set(written) >= _CHILDREN else {"labels", *_CHILDREN}
    taken = {name: name for name in written if name in fields}
    for field, aliases in _ALIASES.items():
        found = [name for name, text in plain.items() if text in aliases and name not in taken]
        if field == "label" and not {"emotion", "sentiment"}.isdisjoint(plain.values()):
            found = [name for name in found if plain[name] == "label"]
        exact = [name for name in found if plain[name] == field]
        if field in taken.values() or not found:
            continue
        if len(exact or found) > 1 and field == "path":
            raise ManifestError(f"{where}: {' and '.join(map(repr, found))} may be the path; call one of them path")
        if len(exact or found) == 1:
            taken[(exact or found)[0]] = field
    if "path" not in taken.values():
        raise ManifestError(f"{where}: {_no_path(written, first_row)}")
    taken |= _times(plain, taken, where, is_json=is_json)
    taken |= {name: text for name, text in plain.items() if text in _RAW and name not in taken and text not in written}
    notes = [f"the column {name!r} is read as {field}" for name, field in taken.items() if name not in (field, "duration")]
    taken |= {name: "" for name in written if _COUNTER.fullmatch(name)}
    durations = [name for alias in _DURATIONS for name, text in plain.items() if text == alias and name not in taken]
    spare = durations[0] if durations and {"start", "end"} <= set(taken.values()) else ""
    taken |= {name: RAW + name for name in written if name in FIELDS and name not in taken}
    return Columns({name: taken.get(name, name) for name in written}, tuple(notes), tuple(_questions(plain, taken)), spare)


def _times(plain: Mapping[str, str], taken: Mapping[str, str], where: str, *, is_json: bool) -> dict[str, str]:
    """The columns that are start, end or duration of segments, besides those in ``taken``."""
    fields = set(taken.values())
    found: dict[str, str] = {}

    def first(names: Iterable[str]) -> str | None:
        return next((name for alias in names for name, text in plain.items() if text == alias and name not in taken), None)

    start, end, duration = first(_STARTS), first(_ENDS), first(_DURATIONS)
    if not is_json and "duration_s" in taken:  # beside a start without an end it is the segment's
        duration = duration or "duration_s"
    offset = first(("offset",))
    if "start" not in fields and start is None and offset and duration:
        start = offset  # as NeMo has it
    elif "end" not in fields and end is None and offset and start is not None and plain[start] == "onset":
        end = offset
    has_end = "end" in fields or end is not None or duration is not None
    has_end = has_end or any(_SURELY_END.fullmatch(text) for name, text in plain.items() if name not in taken)
    if "start" not in fields and start is not None and (has_end or plain[start] == "start"):
        found[start] = "start"
    if "start" not in fields and not found:
        odd = [name for name, text in plain.items() if _OTHER_UNIT.fullmatch(text)]
        if odd:
            raise ManifestError(
                f"{where}: {odd[0]!r} looks like the start of a segment in another unit; give start and end in seconds, or "
                "leave it out"
            )
        return found
    if "end" not in fields and end is not None:
        found[end] = "end"
    elif "end" not in fields:
        if duration is not None:
            found[duration] = DURATION
        # SpeechBrain has start and stop in samples, beside a duration in seconds.
        looks = _MAYBE_STOP if duration is not None else _MAYBE_END
        odd = [name for name, text in plain.items() if name not in taken and name not in found and looks.fullmatch(text)]
        if odd:
            raise ManifestError(
                f"{where}: there is a start, and {odd[0]!r} looks like its end but is not known; give end or duration in "
                "seconds, or call the column otherwise"
            )
    return found


def _questions(plain: Mapping[str, str], taken: Mapping[str, str]) -> list[str]:
    asked = []
    if "speaker" not in taken.values():
        several = [name for name, text in plain.items() if name not in taken and _may_be_speaker(text)]
        if several:
            asked.append(
                f"no column is called speaker; did you mean {' or '.join(map(repr, several))}? It is kept as a raw label"
            )
    if {"label", "emotion", "sentiment"}.isdisjoint((*plain.values(), *taken.values())):
        several = [name for name, text in plain.items() if _MAYBE_LABEL.fullmatch(text) or text in _ALIASES["label"]]
        several = [name for name in several if name not in taken]
        if several:
            asked.append(
                f"no column is called label or emotion; did you mean {' or '.join(map(repr, several))}? It is kept as a raw "
                "label"
            )
    pair = _unread_times(plain, taken)
    if pair:
        asked.append(
            f"{' and '.join(map(repr, pair))} look like the borders of segments; call them start and end, in seconds, if they "
            "are: files are read whole"
        )
    if "start" in taken.values() and not {"end", DURATION} & set(taken.values()):
        asked.append("there is a start and no end: every segment runs to the end of its file")
    return asked


def _may_be_speaker(text: str) -> bool:
    words = text.split("_")
    may = any(map(_MAYBE_SPEAKER.fullmatch, words)) and not any(map(_NOT_SPEAKER.fullmatch, words))
    return may or text in _ALIASES["speaker"]


def _unread_times(plain: Mapping[str, str], taken: Mapping[str, str]) -> list[str]:
    """The two columns that may be a start and an end, where there is no start."""
    free = {text: name for name, text in plain.items() if name not in taken}
    pairs = [pair for pair in _PERHAPS_TIMES if pair <= free.keys()]
    return [] if "start" in taken.values() or not pairs else [name for text, name in free.items() if text in pairs[0]]


def _no_path(written: Sequence[str], first_row: Mapping[str, str]) -> str:
    said = f"the first line must name the columns, path among them; got {', '.join(written) or 'nothing'}"
    plain = {_plain(name): name for name in written}
    close = next((match for name in plain for match in difflib.get_close_matches(name, _ALIASES["path"], 1, 0.7)), None)
    if close:
        near = difflib.get_close_matches(close, list(plain), 1, 0.7)[0]
        return f"{said}; did you mean path by {plain[near]!r}?"
    files = [name for name in written if is_audio_name(first_row.get(name, ""))]
    return f"{said}; did you mean path by {' or '.join(map(repr, files))}?" if files else said


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", name.strip().casefold()).strip("_")
