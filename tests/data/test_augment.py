from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from featurekit.data import Batch, augment
from featurekit.data.augment import VTLP, Compose, Mixup, RandomCrop, SpecAugment, Tempo, TimeShift, make_augment
from featurekit.errors import ParameterError, UnknownNameError


def make_batch(B=8, C=2, T=40, D=10):
    lengths = torch.randint(5, T + 1, (B, C), generator=torch.Generator().manual_seed(0))
    lengths[0, 0], lengths[1, 1] = T, 0
    steps = torch.arange(1.0, T + 1)[None, None, :, None].expand(B, C, T, D).clone()
    frames = steps * (torch.arange(T) < lengths[..., None])[..., None]
    columns = {"a": slice(0, 6), "b": slice(6, 10)}
    return Batch(frames, lengths, torch.ones(B, C, 12, 16), lengths > 0, torch.zeros(B).long(), ["x"] * B, columns)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


ALL = Compose([TimeShift(5), Tempo(), VTLP(), SpecAugment(time_width=6, frequency_width=3), RandomCrop(20)])


def test_the_same_generator_gives_the_same_batch_and_another_another():
    batch = make_batch()
    one, two, three = (ALL(batch, seeded(seed)) for seed in (1, 1, 2))
    torch.testing.assert_close(one.frames, two.frames, rtol=0, atol=0)
    assert not torch.equal(one.frames, three.frames)
    assert not torch.equal(one.images, three.images)


def test_masks_are_blocks_no_wider_than_asked_inside_the_true_length():
    batch = make_batch(B=200)
    masked = SpecAugment(time_warp=0, time_masks=1, time_width=6, frequency_masks=1, frequency_width=3)(batch, seeded())
    inside = torch.arange(40) < batch.lengths[..., None]
    gone_time = (masked.frames == 0).all(dim=3) & inside
    gone_bands = ((masked.frames == 0) | ~inside[..., None]).all(dim=2) & (batch.lengths > 0)[..., None]
    assert gone_time.sum(dim=2).max() <= 6 + 1
    assert gone_time.sum() > 0
    real = batch.lengths > 12
    assert gone_bands[real].sum(dim=1).max() == 3
    for row in gone_bands[real]:
        places = row.nonzero().flatten()
        assert len(places) == 0 or places[-1] - places[0] + 1 == len(places)
    kept = masked.frames != 0
    torch.testing.assert_close(masked.frames[kept], batch.frames[kept])
    torch.testing.assert_close(masked.lengths, batch.lengths)


def test_frequency_masks_can_be_kept_inside_one_column():
    batch = make_batch(B=100)
    masked = SpecAugment(time_warp=0, time_masks=0, frequency_masks=3, frequency_width=4, column="b")(batch, seeded())
    torch.testing.assert_close(masked.frames[..., :6], batch.frames[..., :6])
    assert (masked.frames[..., 6:] != batch.frames[..., 6:]).any()
    with pytest.raises(UnknownNameError, match="known: a, b"):
        Compose([TimeShift(), SpecAugment(column="c")]).check({"a": "rms", "b": "mel"})


def test_probability_zero_masks_nothing():
    batch = make_batch()
    same = SpecAugment(p=0.0)(batch, seeded())
    torch.testing.assert_close(same.frames, batch.frames)
    torch.testing.assert_close(same.images, batch.images)


def test_image_masks_run_along_rows_for_frequency_and_columns_for_time():
    batch = make_batch()
    rows = SpecAugment(time_masks=0, frequency_masks=1, frequency_width=4)(batch, seeded()).images
    assert torch.equal(rows[..., :1].expand_as(rows), rows)
    columns = SpecAugment(time_masks=1, time_width=4, frequency_masks=0)(batch, seeded()).images
    assert torch.equal(columns[:, :, :1].expand_as(columns), columns)
    assert (rows == 0).any()
    assert (columns == 0).any()


def test_a_crop_is_a_stretch_of_the_utterance():
    batch = make_batch(B=100)
    cropped = RandomCrop(15)(batch, seeded())
    assert cropped.frames.shape[2] == 15
    torch.testing.assert_close(cropped.lengths, batch.lengths.clamp(max=15))
    starts = set()
    for frames, length in zip(cropped.frames.flatten(0, 1)[..., 0], cropped.lengths.flatten(), strict=True):
        n = int(length)
        if n:
            torch.testing.assert_close(frames[:n], torch.arange(float(frames[0]), float(frames[0]) + n))
            starts.add(float(frames[0]))
        assert not frames[n:].any()
    assert len(starts) > 5
    assert RandomCrop(40)(batch, seeded()) is batch


def test_a_shift_keeps_all_frames_and_the_padding():
    batch = make_batch(B=50)
    shifted = TimeShift(7)(batch, seeded())
    assert not torch.equal(shifted.frames, batch.frames)
    torch.testing.assert_close(shifted.frames.sort(dim=2).values, batch.frames.sort(dim=2).values)
    outside = torch.arange(40) >= batch.lengths[..., None]
    assert not shifted.frames[outside].any()


def test_settings_out_of_range_are_refused():
    masks = (lambda: SpecAugment(p=2), lambda: SpecAugment(time_width=-1))
    warps = (lambda: Tempo(1.0), lambda: Tempo(-0.1), lambda: VTLP(1.0), lambda: VTLP(-0.1), lambda: VTLP(top_hz=0))
    for make in (*masks, *warps, lambda: RandomCrop(0), lambda: TimeShift(-1)):
        with pytest.raises(ParameterError):
            make()


def test_tempo_reads_the_whole_utterance_in_even_steps_and_keeps_the_padding():
    batch = make_batch(B=100)
    played = Tempo(0.5)(batch, seeded())
    assert not torch.equal(played.lengths, batch.lengths)
    for frames, new, old in zip(
        played.frames.flatten(0, 1)[..., 0], played.lengths.flatten().tolist(), batch.lengths.flatten().tolist(), strict=True
    ):
        assert old / 1.5 - 0.5 <= new <= min(40, old / 0.5 + 0.5)
        if new > 1:
            torch.testing.assert_close(frames[:new], torch.linspace(1, old, new))
        assert not frames[new:].any()
    same = Tempo(0.0)(batch, seeded())
    torch.testing.assert_close(same.frames, batch.frames, rtol=0, atol=0)
    assert torch.equal(same.lengths, batch.lengths)


def test_vtlp_reads_each_band_at_a_multiple_of_its_frequency():
    """Each band holds its own number, so that what is read is a place, and its frequency is known by the mel formula."""
    n_bands = 64

    def hz(place):
        return 700 * (10 ** ((place + 1) / (n_bands + 1) * np.log10(1 + 8000 / 700)) - 1)

    bands = torch.arange(float(n_bands)).expand(50, 1, 7, n_bands).clone()
    lengths = torch.full((50, 1), 7)
    batch = Batch(bands, lengths, None, lengths > 0, torch.zeros(50).long(), ["x"] * 50, {"mel": slice(0, n_bands)})
    read = VTLP(0.2)(batch, seeded()).frames.double().numpy()
    assert (read == read[:, :, :1]).all()
    factors = hz(read[:, 0, 0, 10:40]) / hz(np.arange(10, 40))
    np.testing.assert_allclose(factors, factors[:, :1].repeat(30, axis=1), rtol=1e-4)
    assert 0.8 <= factors.min() < 0.83
    assert 1.17 < factors.max() <= 1.2
    assert read.min() >= 0
    assert read.max() == n_bands - 1
    torch.testing.assert_close(VTLP(0.0)(batch, seeded()).frames, bands, rtol=0, atol=1e-4)
    two = {"mel": slice(0, n_bands), "fbank": slice(n_bands, 2 * n_bands)}
    both = VTLP(0.2)(dataclasses.replace(batch, frames=torch.cat([bands, bands], dim=3), columns=two), seeded()).frames
    assert torch.equal(both.double(), torch.from_numpy(np.concatenate([read, read], axis=3)))


def test_vtlp_can_be_kept_inside_one_column():
    batch = make_batch(B=20)
    frames = torch.rand(batch.frames.shape, generator=seeded())
    warped = VTLP(column="b")(dataclasses.replace(batch, frames=frames), seeded()).frames
    assert torch.equal(warped[..., :6], frames[..., :6])
    assert not torch.equal(warped[..., 6:], frames[..., 6:])


def test_vtlp_is_for_mel_bands_alone():
    specs = {"a": "mfcc(n_mfcc=13)", "b": "log_mel(hop_length=512)"}
    VTLP(column="b").check(specs)
    VTLP().check({"b": "fbank"})
    for augmentation, given, sentence in (
        (VTLP(), specs, "and a is mfcc; name the column"),
        (VTLP(column="a"), specs, "and a is mfcc; name the column"),
        (VTLP(), {}, "and there are no frames"),
        (VTLP(column="c"), specs, "unknown column 'c'"),
    ):
        with pytest.raises((ParameterError, UnknownNameError), match=sentence):
            augmentation.check(given)


def test_without_frames_what_is_for_frames_does_nothing():
    batch = make_batch()
    images = Batch(None, batch.lengths, batch.images, batch.present, batch.labels, batch.ids)
    for augmentation in (RandomCrop(3), Tempo(), VTLP()):
        assert augmentation(images, seeded()) is images
    assert TimeShift(3)(images, seeded()) is images
    assert SpecAugment()(images, seeded()).frames is None


WARP_ONLY = {"time_masks": 0, "frequency_masks": 0}


def test_a_warp_moves_one_point_and_stretches_both_sides_evenly():
    """On a ramp of frame numbers the warped values are the times read: two straight pieces from the first to the last."""
    T = 400
    lengths = torch.tensor([[T], [T], [300], [250]])
    ramp = torch.arange(float(T))[None, None, :, None].expand(4, 1, T, 2) * (torch.arange(T) < lengths[..., None])[..., None]
    batch = Batch(ramp.clone(), lengths, None, lengths > 0, torch.zeros(4).long(), list("abcd"))
    knees = []
    for seed in range(30):
        warped = SpecAugment(**WARP_ONLY)(batch, seeded(seed)).frames
        for row, n in zip(warped[:, 0, :, 0].double().numpy(), lengths[:, 0].tolist(), strict=True):
            assert row[0] == 0
            assert row[n - 1] == pytest.approx(n - 1)
            assert not row[n:].any()
            steps = np.diff(row[:n])
            assert (steps > 0).all()
            knee = int(np.argmax(np.abs(np.diff(steps))))  # the pieces meet here, within a frame
            for piece in (steps[: max(knee, 1)], steps[knee + 2 :]):
                assert piece.size == 0 or np.ptp(piece) < 1e-3
            moved = np.abs(row[:n] - np.arange(n)).max()
            assert moved <= 80 + 1e-3
            knees.append(moved)
    assert np.mean(knees) > 20


def test_a_warp_reaches_a_quarter_of_a_short_utterance_and_leaves_one_of_three_frames_alone():
    lengths = torch.tensor([[40], [3], [0]])
    ramp = torch.arange(40.0)[None, None, :, None].expand(3, 1, 40, 1) * (torch.arange(40) < lengths[..., None])[..., None]
    batch = Batch(ramp.clone(), lengths, None, lengths > 0, torch.zeros(3).long(), list("abc"))
    moved = []
    for seed in range(50):
        warped = SpecAugment(**WARP_ONLY)(batch, seeded(seed)).frames
        torch.testing.assert_close(warped[1:], batch.frames[1:])
        moved.append(float((warped[0] - batch.frames[0]).abs().max()))
    assert 5 < max(moved) <= 10 + 1e-4


def test_subsampling_divides_the_widths_in_time_and_not_in_frequency():
    lengths = torch.full((300, 1), 400)
    batch = Batch(torch.ones(300, 1, 400, 60), lengths, None, lengths > 0, torch.zeros(300).long(), ["x"] * 300)
    masked = SpecAugment(subsampling=4)(batch, seeded()).frames
    assert 20 <= (masked == 0).all(dim=3).sum(dim=2).max() <= 25
    assert 22 <= (masked == 0).all(dim=2).sum(dim=2).max() <= 27
    with pytest.raises(ParameterError, match="subsampling"):
        SpecAugment(subsampling=0)


def test_a_state_every_80_ms_makes_12_of_100_frames_and_10_of_80():
    """As the encoder of Lu et al. has them."""
    lengths = torch.full((400, 1), 200)
    batch = Batch(torch.ones(400, 1, 200, 60), lengths, None, lengths > 0, torch.zeros(400).long(), ["x"] * 400)
    masked = SpecAugment(subsampling=8)(batch, seeded()).frames
    assert (masked == 0).all(dim=3).sum(dim=2).max() == 12
    ramp = dataclasses.replace(batch, frames=torch.arange(200.0)[None, None, :, None].expand(400, 1, -1, 1))
    warped = SpecAugment(time_masks=0, frequency_masks=0, subsampling=8)(ramp, seeded()).frames
    assert 9 < (warped - ramp.frames).abs().max() <= 10 + 1e-3


def test_mixup_is_one_line_between_an_utterance_and_another_and_so_are_the_labels():
    batch = make_batch()
    frames = batch.frames * torch.randn(batch.frames.shape, generator=seeded(5))
    batch = dataclasses.replace(batch, labels=torch.arange(8) % 3, frames=frames)
    mixed = Mixup(n_classes=3, alpha=1.0)(batch, seeded())
    assert mixed.labels.shape == (8, 3)
    torch.testing.assert_close(mixed.labels.sum(dim=1), torch.ones(8))
    truth = torch.nn.functional.one_hot(batch.labels, 3).float()
    found = []
    for row in range(8):
        fits = []
        for other in range(8):
            difference = (batch.frames[row] - batch.frames[other]).flatten()
            if other != row and difference.any():
                share = float(((mixed.frames[row] - batch.frames[other]).flatten() @ difference) / (difference @ difference))
                expected = share * batch.frames[row] + (1 - share) * batch.frames[other]
                mixed_with_itself = share > 1 - 1e-3
                if torch.allclose(mixed.frames[row], expected, atol=1e-4) and not mixed_with_itself:
                    labels = share * truth[row] + (1 - share) * truth[other]
                    torch.testing.assert_close(mixed.labels[row], labels, atol=1e-4, rtol=0)
                    torch.testing.assert_close(mixed.lengths[row], torch.maximum(batch.lengths[row], batch.lengths[other]))
                    fits.append(share)
        found += fits
    assert len(found) >= 5
    assert max(found) - min(found) < 1e-4  # one share a batch
    again = Mixup(n_classes=3)(mixed, seeded(1))
    torch.testing.assert_close(again.labels.sum(dim=1), torch.ones(8))


def test_requests_are_read_with_their_settings():
    found = make_augment(["specaugment(time_width=40, subsampling=2)", "mixup(alpha=0.4)", "shift"], 5)
    assert found == Compose([SpecAugment(time_width=40, subsampling=2), Mixup(5, 0.4), TimeShift(20)])
    assert make_augment([], 5) is None
    with pytest.raises(UnknownNameError, match="did you mean specaugment"):
        make_augment(["specaug"], 2)
    with pytest.raises(UnknownNameError, match="did you mean time_width"):
        make_augment(["specaugment(time_with=3)"], 2)
    with pytest.raises(ParameterError, match="alpha"):
        make_augment(["mixup(alpha=0)"], 2)
    assert all(augment.describe(name) for name in augment.AUGMENTATIONS)


def test_words_cannot_be_mixed():
    batch = dataclasses.replace(make_batch(), text=torch.zeros(8, 2, 3).long(), text_lengths=torch.ones(8, 2).long())
    with pytest.raises(ParameterError, match="words"):
        Mixup(n_classes=2)(batch, seeded())
