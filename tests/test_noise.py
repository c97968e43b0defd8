"""
test_noise.py: the exploration noise against theory: moments, correlation, reset, scale, seeds.
"""
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from noise import GaussianNoise, OrnsteinUhlenbeckNoise, process


def draws(noise, n):
    return np.array([noise() for _ in range(n)])


@settings(max_examples=50, deadline=None)
@given(theta=st.floats(0, 1), sigma=st.floats(0, 2), dt=st.floats(1e-4, 1),
       mu=st.floats(-1, 1), x0=st.floats(-1, 1), seed=st.integers(0, 2 ** 32 - 1))
def test_ou_is_its_equation(theta, sigma, dt, mu, x0, seed):
    scale = np.array([1.0, 2.5])
    noise = OrnsteinUhlenbeckNoise(scale, theta, sigma, dt, mu, x0, seed)
    rng = np.random.RandomState(seed)
    x = np.array([x0, x0])
    for _ in range(5):
        x = x + theta * (mu - x) * dt + sigma * np.sqrt(dt) * rng.randn(2)
        np.testing.assert_allclose(noise(), scale * x, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize('dt, mu', [(1.0, 0.0), (1.0, 0.5), (0.1, -0.2)])
def test_ou_stationary_moments_and_correlation(dt, mu):
    theta, sigma, n = 0.15, 0.2, 20000
    x = draws(OrnsteinUhlenbeckNoise(np.ones(10), theta, sigma, dt, mu=mu, x0=mu, seed=1), n)
    decay = 1 - theta * dt
    std = sigma * np.sqrt(dt / (1 - decay ** 2))
    # n * 10 draws hold about n * 10 * (1 - decay) / (1 + decay) independent ones.
    error = std / np.sqrt(n * 10 * (1 - decay) / (1 + decay))
    assert abs(x[100:].mean() - mu) < 5 * error
    assert x[1000:].std() == pytest.approx(std, rel=0.05)
    for lag in (1, 5):
        a, b = x[1000:-lag].ravel() - mu, x[1000 + lag:].ravel() - mu
        assert (a * b).mean() / std ** 2 == pytest.approx(decay ** lag, abs=0.05)


def test_the_notes_dt_hardly_moves_within_an_episode():
    def lag_100(dt):
        x = draws(OrnsteinUhlenbeckNoise(np.ones(200), dt=dt, seed=0), 1000)
        return np.corrcoef(x[800], x[900])[0, 1]

    assert lag_100(1.0) < 0.3 and lag_100(1e-3) > 0.8


def test_reset_starts_again_at_x0_and_the_random_numbers_go_on():
    noise = OrnsteinUhlenbeckNoise(np.ones(3), theta=0.15, sigma=0.0, x0=0.7, seed=0)
    draws(noise, 50)
    noise.reset()
    np.testing.assert_allclose(noise(), 0.7 * 0.85)

    noise = OrnsteinUhlenbeckNoise(np.ones(3), seed=0)
    first = noise()
    noise.reset()
    assert not np.array_equal(noise(), first)


def test_gaussian_moments():
    x = draws(GaussianNoise([1.0, 3.0], sigma=0.1, mu=0.2, seed=3), 20000)
    np.testing.assert_allclose(x.mean(axis=0), [0.2, 0.6], atol=0.01)
    np.testing.assert_allclose(x.std(axis=0), [0.1, 0.3], rtol=0.03)
    assert abs(np.corrcoef(x[1:, 0], x[:-1, 0])[0, 1]) < 0.03


@pytest.mark.parametrize('kind', [OrnsteinUhlenbeckNoise, GaussianNoise])
def test_each_has_its_own_generator_and_scales_by_dimension(kind):
    np.random.seed(0)
    a = draws(kind([1.0, 1.0], seed=5), 10)
    np.random.seed(1)
    state = np.random.get_state()[1].copy()
    b = draws(kind([1.0, 4.0], seed=5), 10)
    np.testing.assert_array_equal(np.random.get_state()[1], state)
    np.testing.assert_allclose(b, a * [1.0, 4.0])
    assert not np.array_equal(a, draws(kind([1.0, 1.0], seed=6), 10))
    assert 'sigma=0.2' in repr(kind([1.0]))


def test_ou_has_what_the_settings_say():
    made = process('ou', [1.0, 4.0], 0.05, 1., 10, theta=0.3, dt=0.5, seed=5).process
    assert repr(made) == repr(OrnsteinUhlenbeckNoise([1.0, 4.0], 0.3, 0.05, 0.5))


@pytest.mark.parametrize('kind', [OrnsteinUhlenbeckNoise, GaussianNoise])
def test_a_class_is_given_its_sigma_by_name(kind):
    made = process(kind, [1.0, 4.0], 0.05, 1., 10, theta=0.3, dt=1., seed=5).process
    assert made.sigma == 0.05 and repr(made) == repr(kind([1.0, 4.0], sigma=0.05))
