from __future__ import annotations

import torch
from torch import nn

from featurekit.models.layers import (
    ContextAttention,
    MaskedLSTM,
    back_to_slots,
    each_present,
    fit_frames,
    masked_mean,
    over_context,
)


def test_a_sequence_without_frames_gives_zeros():
    layer = MaskedLSTM(3, 4, bidirectional=True)
    states, last = layer(torch.randn(2, 5, 3), torch.tensor([5, 0]))
    assert not states[1].any()
    assert not last[1].any()
    assert last[0].any()


def test_the_last_state_of_the_backward_direction_is_that_at_the_first_frame():
    layer = MaskedLSTM(3, 4, bidirectional=True)
    states, last = layer(torch.randn(1, 5, 3), torch.tensor([3]))
    torch.testing.assert_close(last[0, :4], states[0, 2, :4])
    torch.testing.assert_close(last[0, 4:], states[0, 0, 4:])


def test_weights_start_as_keras_starts_them():
    torch.manual_seed(0)
    layer = MaskedLSTM(3, 4, bidirectional=True).backwards
    bias = torch.zeros(16)
    bias[4:8] = 1.0
    assert torch.equal(layer.bias_ih_l0 + layer.bias_hh_l0, bias)
    # Keras draws one orthogonal matrix for all four gates: a gate's own is not orthogonal.
    recurrent = layer.weight_hh_l0
    torch.testing.assert_close(recurrent.T @ recurrent, torch.eye(4), atol=1e-5, rtol=0)


def test_attention_follows_the_printed_equations():
    torch.manual_seed(0)
    layer = ContextAttention(4)
    H = torch.randn(1, 3, 4)
    present = torch.tensor([[True, True, False]])
    h_star, alpha = layer(H, present)
    columns = H[0, :2].T  # the paper's H: one column an utterance
    P = torch.tanh(layer.W_h.weight @ columns)
    weights = torch.softmax(layer.w.weight @ P, dim=1)
    R = columns @ weights.T
    expected = torch.tanh(layer.W_m.weight @ R[:, 0] + layer.W_n.weight @ columns[:, 1])
    torch.testing.assert_close(h_star[0, 1], expected)
    torch.testing.assert_close(alpha[0, :2], weights[0])
    assert alpha[0, 2] == 0


def test_context_runs_over_the_slots_that_exist_as_if_the_others_were_not_there():
    torch.manual_seed(0)
    lstm = MaskedLSTM(2, 3, bidirectional=True)
    slots = torch.randn(1, 5, 2)
    present = torch.tensor([[False, True, True, False, True]])
    states = over_context(lstm, slots, present)
    dense, _ = lstm(slots[:, [1, 2, 4]], torch.tensor([3]))
    torch.testing.assert_close(states[:, [1, 2, 4]], dense)
    assert not states[0, [0, 3]].any()


def test_slots_come_back_where_they_were():
    present = torch.tensor([[True, False], [True, True]])
    x = torch.randn(2, 2, 3)
    torch.testing.assert_close(back_to_slots(each_present(x, present), present), x * present[..., None])


def test_frames_are_fitted_whatever_the_padding():
    x = torch.randn(2, 6, 3)
    lengths = torch.tensor([4, 6])
    for n in (3, 6, 9):
        fitted = fit_frames(x, lengths, n)
        assert fitted.shape == (2, n, 3)
        wider = fit_frames(nn.functional.pad(x, (0, 0, 0, 5), value=7.0), lengths, n)
        torch.testing.assert_close(fitted, wider)
    assert not fit_frames(x, lengths, 9)[0, 4:].any()


def test_the_masked_mean_is_the_mean_of_the_frames_there_are():
    x = torch.randn(3, 5, 2)
    x[1, 2:] = torch.nan
    means = masked_mean(x, torch.tensor([5, 2, 0]))
    torch.testing.assert_close(means[:2], torch.stack([x[0].mean(dim=0), x[1, :2].mean(dim=0)]))
    assert not means[2].any()
