"""What holds for every split of every kind on any manifest: hypothesis makes the manifests."""

from __future__ import annotations

import random as python_random

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from featurekit.data import get_task, make_split
from featurekit.data.splits.folds import PARTS
from featurekit.errors import SplitError
from featurekit.manifest import Manifest, Utterance

QUICK = settings(max_examples=15, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow])
DISJOINT = {
    "speaker-disjoint": {"test": 0.3, "dev": 0.2},
    "loso": {},
    "speaker-kfold": {"k": 3},
    "group-kfold": {"by": "session", "k": 2},
    "leave-one-session-out": {},
}


@st.composite
def manifests(draw):
    """Speakers of one session each, several recordings and utterances; some utterances have augmented children."""
    n_speakers, n_sessions = draw(st.integers(3, 10)), draw(st.integers(2, 4))
    items = []
    for speaker in range(n_speakers):
        for position in range(draw(st.integers(2, 8))):
            items.append(
                Utterance(
                    id=f"s{speaker}_{position}",
                    path="a.wav",
                    recording=f"r{speaker}_{position // 3}",
                    position=position,
                    speaker=f"s{speaker}",
                    gender=draw(st.sampled_from(["f", "m", ""])),
                    duration_s=draw(st.floats(0.1, 20)),
                    labels={"emotion": draw(st.sampled_from("ab")), "session": f"x{speaker % n_sessions}"},
                )
            )
    parents = [item for item in items if draw(st.booleans())]
    children = [
        Utterance(id=f"{item.id}~fast", path="a.wav", recording=item.recording, speaker=item.speaker, labels=item.labels,
                  parent=item.id, perturbation="speed(factor=1.1)")
        for item in parents
    ]  # fmt: skip
    return Manifest([*items, *children])


def split_of(kind, manifest, seed=0, **more):
    """A split, or none where the corpus is refused: then there is nothing to hold."""
    try:
        return make_split(kind, manifest, get_task("emotion", manifest), seed=seed, **{**DISJOINT.get(kind, {}), **more})
    except SplitError:
        assume(False)


@pytest.mark.parametrize("kind", [*DISJOINT, "random"])
@QUICK
@given(manifest=manifests(), seed=st.integers(0, 5))
def test_parts_are_disjoint_and_children_train_with_their_parents(kind, manifest, seed):
    split = split_of(kind, manifest, seed, **({"allow_speaker_overlap": True} if kind == "random" else {}))
    originals = {item.id for item in manifest if not item.parent}
    for fold in split.folds:
        ids = [name for part in PARTS for name in fold.part(part)]
        assert len(set(ids)) == len(ids)
        assert originals == {name for name in ids if name in originals}
        assert all(fold.part(part) for part in PARTS)
        if kind != "random":
            speakers = [{manifest[name].speaker for name in fold.part(part)} for part in PARTS]
            assert sum(map(len, speakers)) == len(set.union(*speakers))
        assert not any(manifest[name].parent for name in (*fold.dev, *fold.test))
        train = set(fold.train)
        for item in manifest:
            if item.parent:
                assert (item.id in train) == (item.parent in train)
        heard = {manifest[name].labels["emotion"] for name in fold.train}
        assert {manifest[name].labels["emotion"] for name in ids} <= heard


@pytest.mark.parametrize("kind", ["loso", "speaker-kfold", "group-kfold", "leave-one-session-out"])
@QUICK
@given(manifest=manifests())
def test_folds_test_every_utterance_once(kind, manifest):
    tested = [name for fold in split_of(kind, manifest).folds for name in fold.test]
    assert sorted(tested) == sorted(item.id for item in manifest if not item.parent)


@pytest.mark.parametrize("kind", [*DISJOINT, "random"])
@QUICK
@given(manifest=manifests(), order=st.integers(0, 1000))
def test_the_order_of_the_manifest_never_matters(kind, manifest, order):
    shuffled = list(manifest)
    python_random.Random(order).shuffle(shuffled)
    allow = {"allow_speaker_overlap": True} if kind == "random" else {}
    said = []
    for one in (manifest, Manifest(shuffled)):
        try:
            split = make_split(kind, one, get_task("emotion", one), **DISJOINT.get(kind, {}), **allow)
            said.append((split.folds, split.digest))
        except SplitError as error:
            said.append(str(error))
    assert said[0] == said[1]


@QUICK
@given(manifest=manifests(), k=st.integers(2, 4))
def test_folds_by_recording_share_no_recording_between_test_and_the_rest(manifest, k):
    split = split_of("group-kfold", manifest, by="recording", k=k, allow_speaker_overlap=True)
    for fold in split.folds:
        tested, rest = ({manifest[name].recording for name in ids} for ids in (fold.test, (*fold.train, *fold.dev)))
        assert not tested & rest


@QUICK
@given(manifest=manifests(), rows=st.data())
def test_a_split_survives_the_failure_of_any_utterances(manifest, rows):
    failed = set(rows.draw(st.lists(st.sampled_from(manifest.ids), max_size=10)))
    split = split_of("speaker-disjoint", manifest, ids=[name for name in manifest.ids if name not in failed])
    fold = split.fold()
    kept = {*fold.train, *fold.dev, *fold.test}
    assert not kept & failed
    orphans = {item.id for item in manifest if item.parent in failed}
    assert not kept & orphans
