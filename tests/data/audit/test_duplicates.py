"""The search among fingerprints: planted copies are found with their offset, and nothing else is."""

from __future__ import annotations

import numpy as np
import pytest

from featurekit.data.audit import duplicates
from featurekit.data.audit.duplicates import near_duplicates, words


def noise(n_frames, seed):
    """Frames of independent bits."""
    return np.random.default_rng(seed).integers(1, 2**32, n_frames, dtype=np.uint32)


def flipped(frames, share, seed=0):
    random = np.random.default_rng(seed)
    bits = random.random((len(frames), 32)) < share
    return frames ^ (bits * (np.uint32(1) << np.arange(32, dtype=np.uint32))).sum(axis=1, dtype=np.uint32)


def test_words_are_the_two_halves_put_together():
    column = np.array([[65535, 1], [0, 65535], [0, 0]], dtype=np.float32)
    assert words(column).tolist() == [65535 + 65536, 65535 * 65536, 0]


def test_unrelated_utterances_match_nothing():
    assert near_duplicates([noise(200, seed) for seed in range(50)]) == []


@pytest.mark.parametrize("offset", [0, 3, -7])
def test_a_shifted_copy_with_flipped_bits_is_found_with_its_offset(offset):
    whole = noise(300, 0)
    one = whole[20:220]
    other = flipped(whole[20 + offset : 220 + offset], 0.08)
    (match,) = near_duplicates([noise(150, 1), one, noise(250, 2), other])
    assert (match.first, match.second, match.offset) == (1, 3, offset)
    assert match.frames == 200 - abs(offset)
    assert match.bit_error == pytest.approx(0.08, abs=0.01)


def test_a_copy_with_too_many_flipped_bits_is_another_recording():
    one = noise(200, 0)
    other = flipped(one, 0.3)
    other[50:60] = one[50:60]  # so that it is a candidate
    assert near_duplicates([one, other]) == []


def test_a_short_common_stretch_is_no_copy():
    one, other = noise(200, 0), noise(200, 1)
    other[10 : 10 + duplicates.MIN_FRAMES - 1] = one[10 : 10 + duplicates.MIN_FRAMES - 1]
    assert near_duplicates([one, other]) == []
    assert near_duplicates([one[: duplicates.MIN_FRAMES - 1], one]) == []  # too short to tell
    assert len(near_duplicates([one[: duplicates.MIN_FRAMES], one])) == 1


def test_silence_is_not_compared():
    one, other = noise(200, 0), noise(200, 1)
    one[:150] = other[:150] = 0
    assert near_duplicates([one, other]) == []
    assert near_duplicates([np.zeros(100, np.uint32)] * 3) == []
    assert near_duplicates([]) == []


def test_many_copies_of_one_file_are_linked_into_one_group():
    copies = near_duplicates([noise(100, 0)] * 60)
    group = {0}
    for match in copies:  # sorted: a chain reaches everyone
        if match.first in group:
            group.add(match.second)
    assert group == set(range(60))


def test_a_held_frame_does_not_cost_a_square_of_pairs():
    """A frame that everybody holds for long votes for a few pairs, not for all 2000 * 2000."""
    held = np.full(100, 7, dtype=np.uint32)
    assert len(duplicates._candidates([held] * 2000)) <= 2000 * duplicates.REACH


@pytest.mark.parametrize(
    ("share", "length", "one_voice", "is_one"),
    [
        (0.1, 200, True, True),
        (0.1, 200, False, False),  # two synthetic voices of one pitch may be as near
        (0.01, 200, False, True),
        (0.01, 140, True, False),  # a part of a recording may have a label of its own
    ],
)
def test_what_is_one_recording_under_two_labels(share, length, one_voice, is_one):
    one = noise(200, 0)
    other = flipped(one[:length], share)
    (match,) = near_duplicates([one, other])
    assert duplicates.one_recording(match, one, other, one_voice=one_voice) is is_one
