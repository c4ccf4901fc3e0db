"""audformat's databases without audformat, and the same ones written by it where it is installed."""

from __future__ import annotations

import logging

import pytest

from featurekit.corpora import read_corpus
from featurekit.data import make_split
from featurekit.errors import ManifestError


def test_segments_inherit_what_is_said_of_their_file(miniature):
    manifest = read_corpus("audformat", miniature("audformat"))
    assert manifest.ids == ["audio/a_0.0_0.5", "audio/a_0.5_1.25", "audio/b"]
    first, second, whole = manifest
    assert (first.labels, second.labels) == (
        {"emotion": "anger", "split": "train"},
        {"emotion": "anger", "split": "train", "valence": 1.5},
    )
    assert (second.start, second.end, second.position, second.recording) == (0.5, 1.25, 1, "audio/a")
    assert (second.speaker, second.gender, second.language) == ("anna", "female", "de")
    assert (whole.speaker, whole.gender, whole.start, whole.labels["emotion"]) == ("ben", "male", None, "sad")


def test_columns_that_disagree_are_both_kept(miniature, put):
    root = miniature("audformat")
    header = (root / "db.yaml").read_text()
    put(root / "db.yaml", header + "  other:\n    type: filewise\n    columns:\n      emotion: {scheme_id: emotion}\n")
    put(root / "db.other.csv", "file,emotion\naudio/b.wav,anger\n")
    labels = read_corpus("audformat", root)["audio/b"].labels
    assert labels == {"emotion": "sad", "other.emotion": "anger", "split": "train"}


def test_files_in_no_table_are_said_and_rows_without_files_stay(miniature, caplog):
    root = miniature("audformat")
    (root / "audio" / "b.wav").rename(root / "audio" / "c.wav")
    with caplog.at_level(logging.WARNING):
        assert read_corpus("audformat", root)["audio/b"].path == "audio/b.wav"
    assert "1 audio files are in no table and were left out: 'audio/c.wav'" in caplog.text


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("db.yaml", "a: [", r"db.yaml: not YAML"),
        ("db.yaml", "- 1\n", r"db.yaml: expected a mapping"),
        (
            "db.emotion.csv",
            "file,emotion\naudio/a.wav,joy\n",
            r"emotion.csv:2: emotion 'joy' is no label of its scheme \(anger",
        ),
        ("db.emotion.csv", "path,emotion\n", r"emotion.csv:1: lacks the column 'file'"),
        (
            "db.segments.csv",
            "file,start,end,valence\naudio/a.wav,0 days 00:00:00,,9\n",
            r"segments.csv:2: valence 9 lies outside",
        ),
        ("db.segments.csv", "file,start,end,valence\naudio/a.wav,soon,,1\n", r"segments.csv:2: expected a time like"),
        ("db.files.csv", "file,speaker\n../a.wav,anna\n", "must be relative and stay inside"),
    ],
)
def test_what_is_broken_names_file_and_line(miniature, put, name, content, message):
    root = miniature("audformat")
    put(root / name, content)
    with pytest.raises(ManifestError, match=message):
        read_corpus("audformat", root)


VAD = """\
file,start,end,voice
audio/a.wav,0 days 00:00:00.1,0 days 00:00:00.9,True
audio/a.wav,0 days 00:00:00.9,0 days 00:00:01.9,False
"""


@pytest.fixture
def with_pauses(miniature, put):
    """Files labelled in one table, and a second one with the pauses of one of them."""
    root = miniature("audformat")
    put(
        root / "db.yaml",
        "schemes: {voice: {dtype: bool}}\ntables: {emotion: {}, files: {}, vad: {columns: {voice: {scheme_id: voice}}}}",
    )
    put(root / "db.vad.csv", VAD)
    return root


def test_segments_in_place_of_labelled_files_are_said_and_tables_can_be_named(with_pauses, caplog):
    assert len(read_corpus("audformat", with_pauses)) == 3
    said = "1 of 2 labelled files are read as their 2 segments (vad); --manifest emotion reads the files"
    assert said in caplog.text
    caplog.clear()
    for name in ("emotion", "db.emotion.csv", "emotion,files", str(with_pauses / "db.emotion.csv")):
        whole = read_corpus("audformat", with_pauses, manifest=name)
        assert [(item.id, item.speaker, dict(item.labels)) for item in whole] == [
            ("audio/a", "anna", {"emotion": "anger"}),
            ("audio/b", "ben", {"emotion": "sad"}),
        ]
    assert [item.labels["voice"] for item in read_corpus("audformat", with_pauses, manifest="vad")] == [True, False]
    assert not caplog.text
    with pytest.raises(ManifestError, match=r"db.yaml: there is no table 'emotio'; its tables are emotion, files, vad"):
        read_corpus("audformat", with_pauses, manifest="emotio")
    (with_pauses / "own.csv").write_text("path,label\naudio/b.wav,x\n")
    assert read_corpus("audformat", with_pauses, manifest="own.csv").ids == ["b"]


def test_segments_of_files_that_only_name_their_speakers_replace_them_without_a_word(with_pauses, put, caplog):
    put(with_pauses / "db.emotion.csv", "file,speaker\naudio/a.wav,anna\naudio/b.wav,ben\n")
    assert len(read_corpus("audformat", with_pauses)) == 3
    assert not caplog.text


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0 days", 0.0),
        ("1 days", 86400.0),
        ("1 day 00:00:01.5", 86401.5),
        ("00:01:01", 61.0),
        ("0 days 00:00:00.250000", 0.25),
        ("NaT", None),
        ("", None),
    ],
)
def test_a_time_is_read_in_every_form_that_pandas_writes(miniature, put, text, seconds):
    root = miniature("audformat")
    put(root / "db.segments.csv", f"file,start,end,valence\naudio/b.wav,{text},,1\n")
    (utterance,) = (item for item in read_corpus("audformat", root) if item.path == "audio/b.wav")
    assert utterance.start == seconds


@pytest.mark.parametrize("text", ["days", "soon", "0 days 1"])
def test_what_is_no_time_is_refused(miniature, put, text):
    root = miniature("audformat")
    put(root / "db.segments.csv", f"file,start,end,valence\naudio/a.wav,{text},,1\n")
    with pytest.raises(ManifestError, match=r"segments.csv:2: expected a time like 0 days 00:00:01.5"):
        read_corpus("audformat", root)


def test_a_table_is_a_part_by_its_split_or_by_the_type_that_says_more(miniature, put):
    root = miniature("audformat")
    header = (
        "tables: {emotion: {split_id: SPLIT}, files: {}}\nsplits: {ev: {type: test}, test-2: {type: test}, rest: {type: other}}"
    )
    for split_id, part in (("ev", "test"), ("test-2", "test-2"), ("rest", "rest"), ("unsaid", "unsaid")):
        put(root / "db.yaml", header.replace("SPLIT", split_id))
        assert {item.labels["split"] for item in read_corpus("audformat", root)} == {part}


def test_a_misc_table_without_a_column_is_said(miniature, put, caplog):
    root = miniature("audformat")
    put(root / "db.yaml", "tables: {emotion: {}}\nmisc_tables: {rooms: {levels: {room: str}}}")
    put(root / "db.rooms.csv", "room,size\nhall,9\n")
    read_corpus("audformat", root)
    assert "misc tables that no column refers to, left out: rooms" in caplog.text


def test_pickled_tables_are_refused(miniature):
    root = miniature("audformat")
    (root / "db.emotion.csv").rename(root / "db.emotion.pkl")
    with pytest.raises(ManifestError, match=r"the table 'emotion' is neither db.emotion.csv nor .parquet"):
        read_corpus("audformat", root)


@pytest.fixture
def database():
    """A database of audformat with two files of two speakers, and a function that adds a column to their table."""
    audformat = pytest.importorskip("audformat")
    db = audformat.Database("mini", "x", "research", languages=["de"])
    db["files"] = audformat.Table(audformat.filewise_index(["audio/a.wav", "audio/b.wav"]))

    def column(name, values, scheme=None):
        if scheme is not None:
            db.schemes[name] = scheme
        db["files"][name] = audformat.Column(scheme_id=name if scheme is not None else None)
        db["files"][name].set(values)

    return audformat, db, column


def saved(db, folder, storage):
    db.save(folder, storage_format=storage)
    return read_corpus("audformat", folder)


@pytest.mark.parametrize("storage", ["csv", "parquet"])
@pytest.mark.filterwarnings("ignore")
def test_what_misc_tables_say_of_speakers_is_kept_as_audformat_gives_it(tmp_path, database, storage):
    audformat, db, column = database
    pandas = pytest.importorskip("pandas")
    db["people"] = audformat.MiscTable(pandas.Index(["7", "8"], name="person"))
    for name, scheme, values in (
        ("gender", audformat.Scheme(labels=["female", "male"]), ["female", "male"]),
        ("age", audformat.Scheme("int"), [31, None]),
        ("language", None, ["eng", None]),
    ):
        if scheme is not None:
            db.schemes[name] = scheme
        db["people"][name] = audformat.Column(scheme_id=name if scheme is not None else None)
        db["people"][name].set(values)
    column("speaker", ["7", "8"], audformat.Scheme("str", labels="people"))
    read = saved(db, tmp_path / "db", storage)
    assert [(item.speaker, item.gender, item.language, dict(item.labels)) for item in read] == [
        ("7", "female", "en", {"age": 31}),
        ("8", "male", "de", {}),
    ]
    assert [item.gender for item in read] == db["files"]["speaker"].get(map="gender").tolist()


# A time as such a value is written to Parquet as a bare number by audformat 1.4.3, and is refused.
@pytest.mark.parametrize(
    ("storage", "dtype", "values"),
    [
        *((storage, *of_type) for storage in ("csv", "parquet") for of_type in (("int", [1, 2]), ("float", [1.0, 2.5]))),
        ("csv", "time", ["1s", "2s"]),
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_a_misc_table_is_joined_by_values_of_every_type(tmp_path, database, storage, dtype, values):
    audformat, db, column = database
    pandas = pytest.importorskip("pandas")
    values = pandas.to_timedelta(values) if dtype == "time" else values
    db["kinds"] = audformat.MiscTable(pandas.Index(values, name="kind"))
    db["kinds"]["age"] = audformat.Column()
    db["kinds"]["age"].set(["old", "new"])
    column("kind", values, audformat.Scheme(dtype, labels="kinds"))
    assert [item.labels["age"] for item in saved(db, tmp_path / "db", storage)] == ["old", "new"]


@pytest.mark.parametrize("storage", ["csv", "parquet"])
@pytest.mark.filterwarnings("ignore")
def test_tables_of_a_split_are_the_official_split(tmp_path, database, storage):
    audformat, db, column = database
    column("speaker", ["3", "8"])
    db.schemes["emotion"] = audformat.Scheme(labels=["anger", "fear"])
    for part, file in (("train", "audio/a.wav"), ("test", "audio/b.wav")):
        db.splits[part] = audformat.Split(type=part)
        table = db[f"emotion.{part}.gold"] = audformat.Table(audformat.filewise_index([file]), split_id=part)
        table["emotion"] = audformat.Column(scheme_id="emotion")
        table["emotion"].set(["anger"])
    read = saved(db, tmp_path / "db", storage)
    fold = make_split("official", read, "emotion").fold()
    assert (fold.train, fold.dev, fold.test) == (("audio/a",), (), ("audio/b",))


@pytest.mark.parametrize("storage", ["csv", "parquet"])
@pytest.mark.filterwarnings("ignore")
def test_a_misc_table_is_joined_by_the_name_the_name_of_its_index_too(tmp_path, database, storage):
    audformat, db, column = database
    pandas = pytest.importorskip("pandas")
    db["speaker"] = audformat.MiscTable(pandas.Index(["7", "8"], name="speaker"))
    db["visits"] = audformat.MiscTable(pandas.MultiIndex.from_tuples([("7", "x"), ("8", "y")], names=["speaker", "room"]))
    for table, name, values in (("speaker", "sex", ["f", "male"]), ("visits", "mood", ["good", "bad"])):
        db[table][name] = audformat.Column()
        db[table][name].set(values)
    column("speaker", ["7", "8"])
    column("room", ["x", "x"])
    read = saved(db, tmp_path / "db", storage)
    assert [(item.speaker, item.gender, dict(item.labels)) for item in read] == [
        ("7", "female", {"room": "x", "mood": "good"}),
        ("8", "male", {"room": "x"}),
    ]


@pytest.mark.parametrize("storage", ["csv", "parquet"])
@pytest.mark.filterwarnings("ignore")
def test_a_text_is_the_sentence_of_its_scheme_and_values_have_their_types(tmp_path, database, storage):
    audformat, db, column = database
    sentences = {"q1": "seven green boats", "q2": {"text": "a second ticket", "words": 3}}
    column("transcription", ["q1", "q2"], audformat.Scheme(labels=sentences))
    column("speaker", [1, 2], audformat.Scheme(labels={1: {"age": 40, "gender": "male"}, 2: {"age": 25}}))
    column("heard", [True, None], audformat.Scheme("bool"))
    column("pause", ["0.5s", "0s"], audformat.Scheme("time"))
    read = saved(db, tmp_path / "db", storage)
    assert [(item.text, item.speaker, item.gender, dict(item.labels)) for item in read] == [
        ("seven green boats", "1", "male", {"age": 40, "heard": True, "pause": 0.5}),
        ("a second ticket", "2", "", {"age": 25, "words": 3, "pause": 0.0}),
    ]
    assert {item.language for item in read} == {"de"}


@pytest.mark.parametrize("storage", ["csv", "parquet"])
@pytest.mark.filterwarnings("ignore")
def test_a_label_is_the_word_of_its_scheme(tmp_path, database, storage):
    audformat, db, column = database
    pandas = pytest.importorskip("pandas")
    column("emotion", [1, 2], audformat.Scheme("int", labels={1: "calm", 2: "sad"}))
    column("mood", ["A", "B"], audformat.Scheme(labels={"A": "good", "B": "bad"}))
    column("gender", [0, 1], audformat.Scheme("int", labels={0: "female", 1: "male"}))
    column("language", ["deu", "eng"], audformat.Scheme(labels={"deu": "German", "eng": "English"}))
    column("style", [1, 2], audformat.Scheme("int", labels={1: {"style": "read"}, 2: {"style": "free"}}))
    db["people"] = audformat.MiscTable(pandas.Index(["7", "8"], name="person"))
    db.schemes["accent"] = audformat.Scheme("int", labels={1: "north", 2: "south"})
    db["people"]["accent"] = audformat.Column(scheme_id="accent")
    db["people"]["accent"].set([2, 1])
    column("speaker", ["7", "8"], audformat.Scheme("str", labels="people"))
    first, second = saved(db, tmp_path / "db", storage)
    assert (dict(first.labels), first.gender, first.language, first.speaker) == (
        {"emotion": "calm", "mood": "good", "style": "read", "accent": "south"},
        *("female", "de", "7"),
    )
    assert dict(second.labels) == {"emotion": "sad", "mood": "bad", "style": "free", "accent": "north"}
    assert [first.labels["emotion"], second.labels["emotion"]] == db["files"]["emotion"].get(map="emotion").tolist()


def test_a_sentence_about_a_code_or_one_text_of_two_codes_is_kept_beside_it(miniature, put):
    root = miniature("audformat")
    for texts in ("{1: calm as in the morning news, 2: sad}", "{1: calm, 2: calm}"):
        put(
            root / "db.yaml",
            f"schemes: {{e: {{dtype: int, labels: {texts}}}}}\ntables: {{t: {{columns: {{e: {{scheme_id: e}}}}}}}}",
        )
        put(root / "db.t.csv", "file,e\naudio/a.wav,1\naudio/b.wav,2\n")
        first, second = read_corpus("audformat", root)
        assert (first.labels["e"], second.labels["e"]) == (1, 2)
        assert first.labels["e.text"].startswith("calm")
    put(root / "db.yaml", "schemes: {speaker: {labels: {s1: anna}}}\ntables: {t: {columns: {speaker: {scheme_id: speaker}}}}")
    put(root / "db.t.csv", "file,speaker\naudio/a.wav,s1\n")
    (item,) = read_corpus("audformat", root)
    assert (item.speaker, dict(item.labels)) == ("s1", {"speaker": "anna"})


def test_files_of_one_stem_have_their_paths_for_ids(miniature, put):
    root = miniature("audformat")
    put(root / "db.yaml", "tables: {t: {columns: {e: {}}}, s: {columns: {v: {}}}}")
    put(root / "db.t.csv", "file,e\nx/a.wav,calm\nx/a.flac,sad\nx/b.wav,sad\ny/a.wav,calm\n")
    put(root / "db.s.csv", "file,start,end,v\nx/a.wav,0 days,0 days 00:00:01,1\n")
    whole = ["x/a.flac", "x/a.wav", "x/b", "y/a"]
    assert read_corpus("audformat", root).ids == ["x/a.flac", "x/a.wav_0.0_1.0", *whole[2:]]
    read = read_corpus("audformat", root, manifest="t")
    assert read.ids == whole
    assert [(item.recording, item.position) for item in read][:2] == [("x/a", 0), ("x/a", 1)]


@pytest.mark.parametrize("storage", ["csv", "parquet"])
@pytest.mark.filterwarnings("ignore")
def test_what_audformat_writes_is_read(tmp_path, storage):
    audformat = pytest.importorskip("audformat")
    db = audformat.Database("mini", "x", "research", languages=["de"])
    db.schemes["emotion"] = audformat.Scheme(labels=["anger", "sad"])
    db.schemes["speaker"] = audformat.Scheme(labels={"anna": {"gender": "female"}})
    db.schemes["valence"] = audformat.Scheme("float", minimum=1, maximum=5)
    db["files"] = audformat.Table(audformat.filewise_index(["audio/a.wav", "audio/b.wav"]))
    db["files"]["speaker"] = audformat.Column(scheme_id="speaker")
    db["files"]["speaker"].set(["anna", None])
    index = audformat.segmented_index(["audio/a.wav", "audio/a.wav"], ["0s", "0.5s"], ["0.5s", None])
    db["segments"] = audformat.Table(index)
    db["segments"]["valence"] = audformat.Column(scheme_id="valence")
    db["segments"]["valence"].set([1.5, None])
    db.save(tmp_path / "db", storage_format=storage)
    manifest = read_corpus("audformat", tmp_path / "db")
    assert [(item.id, item.end, item.speaker, dict(item.labels)) for item in manifest] == [
        ("audio/a_0.0_0.5", 0.5, "anna", {"valence": 1.5}),
        ("audio/a_0.5_", None, "anna", {}),
        ("audio/b", None, "", {}),
    ]


def test_a_segment_whose_times_cannot_be_is_named_and_the_rest_is_read(miniature, put, caplog):
    root = miniature("audformat")
    put(root / "db.yaml", "name: x\nschemes: {}\ntables: {t: {type: segmented, columns: {e: {}, speaker: {}}}}")
    rows = "u.wav,-1 days +23:59:59.540000,0 days 00:00:01,sad,nan\nu.wav,0 days 00:00:01,0 days 00:00:02,calm,nan\n"
    put(root / "db.t.csv", f"file,start,end,e,speaker\n{rows}")
    with caplog.at_level(logging.WARNING):
        (item,) = read_corpus("audformat", root)
    assert (item.start, item.end, item.labels) == (1.0, 2.0, {"e": "calm"})
    assert "1 segment is left out, since the times cannot be: " in caplog.text
    assert "db.t.csv:2: the segment runs from -0.46 s to 1.0 s" in caplog.text
    assert "1 cell is 'nan' in the column 'speaker', and kept as that" in caplog.text


def test_a_part_comes_before_another_kind_of_split(miniature, put):
    root = miniature("audformat")
    tables = "a: {type: filewise, split_id: rest, columns: {e: {}}}, b: {type: filewise, split_id: test, columns: {e: {}}}"
    put(
        root / "db.yaml",
        f"name: x\nschemes: {{}}\ntables: {{{tables}}}\nsplits: {{rest: {{type: other}}, test: {{type: test}}}}",
    )
    for name in "ab":
        put(root / f"db.{name}.csv", "file,e\nu.wav,sad\n")
    (item,) = read_corpus("audformat", root)
    assert item.labels == {"e": "sad", "split": "test", "a.split": "rest"}
