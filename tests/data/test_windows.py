from __future__ import annotations

import numpy as np
import pytest

from featurekit.data.windows import context_windows
from featurekit.errors import ParameterError, UnknownNameError
from featurekit.manifest import Manifest, Utterance


def dialogue(speakers="ABABA", recording="r", perturbation=""):
    return [
        Utterance(
            id=f"{recording}{perturbation}{i}",
            path="a.wav",
            recording=recording,
            position=i,
            speaker=s,
            perturbation=perturbation,
        )
        for i, s in enumerate(speakers)
    ]


def names(manifest, windows):
    return [[manifest.utterances[i].id if i >= 0 else None for i in row] for row in windows]


def test_the_target_is_in_the_middle_and_borders_are_empty():
    manifest = Manifest(dialogue("AAA"))
    windows = context_windows(manifest, manifest.ids, 3)
    assert names(manifest, windows) == [[None, "r0", "r1"], ["r0", "r1", "r2"], ["r1", "r2", None]]


def test_neighbours_are_of_the_same_speaker_unless_any_is_asked_for():
    manifest = Manifest(dialogue())
    assert names(manifest, context_windows(manifest, ["r0", "r2", "r4", "r1"], 3, targets=["r2"])) == [["r0", "r2", "r4"]]
    every = context_windows(manifest, manifest.ids, 3, "any_speaker", targets=["r2"])
    assert names(manifest, every) == [["r1", "r2", "r3"]]


def test_a_window_never_leaves_the_recording():
    manifest = Manifest([*dialogue("AA", "r"), *dialogue("AA", "q")])
    windows = context_windows(manifest, manifest.ids, 5, "any_speaker")
    for row in windows:
        recordings = {manifest.utterances[i].recording for i in row if i >= 0}
        assert len(recordings) == 1


def test_a_neighbour_of_another_part_leaves_its_slot_empty_and_is_not_replaced():
    manifest = Manifest(dialogue("AAAA"))
    windows = context_windows(manifest, ["r0", "r2", "r3"], 3)
    assert names(manifest, windows) == [[None, "r0", None], [None, "r2", "r3"], ["r2", "r3", None]]


def test_position_counts_and_not_the_order_of_the_manifest():
    manifest = Manifest(reversed(dialogue("AAA")))
    assert names(manifest, context_windows(manifest, manifest.ids, 3, targets=["r1"])) == [["r0", "r1", "r2"]]


def test_augmented_children_see_children_of_the_same_perturbation():
    manifest = Manifest([*dialogue("AAA"), *dialogue("AAA", perturbation="fast")])
    windows = context_windows(manifest, manifest.ids, 3, targets=["rfast1", "r1"])
    assert names(manifest, windows) == [["rfast0", "rfast1", "rfast2"], ["r0", "r1", "r2"]]


def test_size_one_is_the_utterance_alone():
    manifest = Manifest(dialogue())
    np.testing.assert_array_equal(context_windows(manifest, manifest.ids, 1), np.arange(5)[:, None])


def test_wrong_arguments_are_refused():
    manifest = Manifest(dialogue())
    with pytest.raises(ParameterError, match="odd"):
        context_windows(manifest, manifest.ids, 2)
    with pytest.raises(ParameterError, match="same_speaker or any_speaker"):
        context_windows(manifest, manifest.ids, 3, "speaker")
    with pytest.raises(ParameterError, match="'r1' is not"):
        context_windows(manifest, ["r0"], 3, targets=["r1"])
    with pytest.raises(UnknownNameError):
        context_windows(manifest, ["nobody"], 3)


@pytest.mark.parametrize("size", [5, 7])
def test_longer_windows_hold_as_many_neighbours_as_there_are(size):
    manifest = Manifest(dialogue("A" * 9))
    windows = context_windows(manifest, manifest.ids, size)
    half = size // 2
    for target, row in enumerate(windows):
        expected = [place if 0 <= place < 9 else -1 for place in range(target - half, target + half + 1)]
        assert row.tolist() == expected


def test_dialogues_whose_rows_and_times_overlap_are_kept_apart():
    """Two conversations at the same time, their rows in turn; speaker A is in both."""
    first, second = dialogue("ABAB", "r"), dialogue("AAAA", "q")
    manifest = Manifest(item for pair in zip(first, second, strict=True) for item in pair)
    every = context_windows(manifest, manifest.ids, 5, "any_speaker", targets=["r1", "q1"])
    assert names(manifest, every) == [[None, "r0", "r1", "r2", "r3"], [None, "q0", "q1", "q2", "q3"]]
    same = context_windows(manifest, manifest.ids, 5, targets=["r2", "q2"])
    assert names(manifest, same) == [[None, "r0", "r2", None, None], ["q0", "q1", "q2", "q3", None]]


def test_windows_of_one_part_never_hold_an_utterance_of_another():
    manifest = Manifest(dialogue("A" * 20))
    train, test = manifest.ids[::2], manifest.ids[1::2]
    for ids in (train, test):
        windows = context_windows(manifest, ids, 7, "any_speaker")
        assert {manifest.utterances[i].id for i in windows[windows >= 0]} == set(ids)


@pytest.mark.slow
def test_a_hundred_thousand_utterances_are_read_in_one_go():
    manifest = Manifest(item for number in range(5000) for item in dialogue("AB" * 10, f"r{number}_"))
    windows = context_windows(manifest, manifest.ids, 7)
    assert windows.shape == (100_000, 7)
    assert (windows[:, 3] == np.arange(100_000)).all()
