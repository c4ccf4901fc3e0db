from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from featurekit.models.sparse_autoencoder import Whitening, learn_kernels, sparsity


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def correlated(n=2000, dims=6):
    mix = torch.randn(dims, dims, generator=generator(1))
    return torch.randn(n, dims, generator=generator(2)) @ mix + 3.0


def test_whitened_channels_are_uncorrelated_and_a_third_of_the_half_range_wide():
    x = correlated()
    layer = Whitening(6, 4)
    assert layer.fit([x[:700], x[700:]]) == 2
    # The cut at three deviations is undone for the few values beyond it, since it changes the covariance.
    z = (x - layer.mean) @ layer.components / layer.deviation
    torch.testing.assert_close(np.cov(z.T.numpy(), bias=True), np.eye(4), atol=1e-3, rtol=0)
    within = z.abs().amax(dim=1) < 3
    torch.testing.assert_close(layer(x)[within], z[within] * 0.4 / 3)
    assert layer(x).abs().max() == pytest.approx(0.4)


def test_components_are_scikit_learns():
    decomposition = pytest.importorskip("sklearn.decomposition")
    x = correlated()
    layer = Whitening(6, 3)
    layer.fit([x])
    theirs = decomposition.PCA(3).fit(x.double().numpy())
    np.testing.assert_allclose(np.abs((layer.components.numpy() * theirs.components_.T).sum(axis=0)), 1.0, atol=1e-4)
    np.testing.assert_allclose(layer.deviation.numpy() ** 2 * 2000 / 1999, theirs.explained_variance_, rtol=1e-3)


def test_a_constant_dimension_stays_finite_and_small():
    x = correlated()
    x[:, 2] = 7.0
    layer = Whitening(6, 6)
    layer.fit([x])
    assert torch.isfinite(layer(x)).all()
    assert layer(x)[:, -1].std() < 0.05


def test_the_penalty_is_the_printed_one():
    rho, hat = 0.2, torch.tensor([0.2, 0.5])
    expected = 0.2 * math.log(0.2 / 0.5) + 0.8 * math.log(0.8 / 0.5)
    assert float(sparsity(hat, rho)) == pytest.approx(expected, rel=1e-6)
    assert float(sparsity(hat[:1], rho)) == pytest.approx(0.0, abs=1e-7)


def planted(n=3000, dims=24, patterns=4):
    """Patches that are one pattern each, or nothing but a little noise: the case a sparse code is for."""
    basis = torch.linalg.qr(torch.randn(dims, patterns, generator=generator(3)))[0].T  # (patterns, dims)
    active = torch.randint(patterns * 2, (n,), generator=generator(4))
    shown = torch.zeros(n, dims)
    shown[active < patterns] = basis[active[active < patterns]]
    return basis, (shown + 0.02 * torch.randn(n, dims, generator=generator(5))).clamp(-0.4, 0.4)


def test_every_pattern_of_which_patches_are_made_gets_a_kernel_of_its_own():
    basis, patches = planted()
    weight, _ = learn_kernels(patches, 6, rho=0.1, mu=0.03, epochs=60, generator=generator())
    similarity = torch.nn.functional.normalize(weight) @ torch.nn.functional.normalize(basis.clamp(-0.4, 0.4)).T
    nearest = similarity.max(dim=0)
    assert nearest.values.min() > 0.7  # of random directions: 0.4
    assert len(set(nearest.indices.tolist())) == 4


def test_the_penalty_makes_hidden_units_fire_as_seldom_as_rho_says():
    _, patches = planted()
    for mu, low, high in ((0.1, 0.09, 0.17), (0.0, 0.2, 0.5)):
        weight, bias = learn_kernels(patches, 6, rho=0.1, mu=mu, epochs=30, generator=generator())
        activity = torch.sigmoid(patches @ weight.T + bias).mean(dim=0)
        assert low < activity.min() < activity.max() < high


def test_kernels_are_a_function_of_the_generator_alone():
    _, patches = planted(300)
    results = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed + len(results))
        results.append(learn_kernels(patches, 3, rho=0.1, mu=0.1, epochs=2, generator=generator(seed))[0])
    assert torch.equal(results[0], results[1])
    assert not torch.equal(results[0], results[2])
