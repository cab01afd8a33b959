import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from auricle.bundles.aggregation import FLOOR, TemperatureScaling, calibrate, log_probabilities, pool, predicted_class

logs = arrays(np.float64, array_shapes(min_dims=1, max_dims=2, min_side=1, max_side=8), elements=st.floats(-700, 0))
temperatures = st.floats(0.1, 10)


def distributions(n_windows: int | st.SearchStrategy[int] = 3) -> st.SearchStrategy[np.ndarray]:
    sides = st.tuples(n_windows if not isinstance(n_windows, int) else st.just(n_windows), st.integers(2, 8))
    weights = sides.flatmap(lambda shape: arrays(np.float64, shape, elements=st.floats(0, 1)))
    return weights.map(lambda w: (w + 1e-9) / (w + 1e-9).sum(axis=1, keepdims=True))


@given(logs, temperatures)
def test_calibrated_values_are_probabilities(values: np.ndarray, temperature: float) -> None:
    probabilities = calibrate(values, TemperatureScaling(temperature))
    assert probabilities.shape == values.shape
    assert np.isfinite(probabilities).all()
    assert ((probabilities >= 0) & (probabilities <= 1)).all()
    np.testing.assert_allclose(probabilities.sum(axis=-1), 1, rtol=0, atol=1e-12)


@given(distributions(), temperatures)
def test_a_temperature_never_changes_the_order(probabilities: np.ndarray, temperature: float) -> None:
    calibrated = calibrate(log_probabilities(probabilities), TemperatureScaling(temperature))
    order = np.argsort(np.maximum(probabilities, FLOOR), axis=1, kind="stable")
    assert (np.diff(np.take_along_axis(calibrated, order, axis=1), axis=1) >= -1e-12).all()


def test_above_one_probabilities_come_closer_together() -> None:
    values = log_probabilities(np.array([0.7, 0.2, 0.1]))
    np.testing.assert_allclose(calibrate(values), [0.7, 0.2, 0.1])
    assert np.ptp(calibrate(values, TemperatureScaling(4.0))) < 0.6 < np.ptp(calibrate(values, TemperatureScaling(0.5)))


@given(distributions(1))
def test_a_recording_of_one_window_has_its_windows_probabilities(probabilities: np.ndarray) -> None:
    np.testing.assert_array_equal(pool(probabilities), log_probabilities(probabilities)[0])
    floored = np.maximum(probabilities[0], FLOOR)
    np.testing.assert_allclose(calibrate(pool(probabilities)), floored / floored.sum(), rtol=1e-12)


@given(distributions(st.integers(1, 6)), st.integers(0, 2**32 - 1))
def test_the_order_of_windows_does_not_matter(probabilities: np.ndarray, seed: int) -> None:
    shuffled = np.random.default_rng(seed).permutation(probabilities)
    np.testing.assert_allclose(pool(shuffled), pool(probabilities), atol=1e-12)


def test_no_window_can_exclude_a_class() -> None:
    never = log_probabilities(np.array([[0.0, 1.0]], np.float32))
    np.testing.assert_allclose(never, [[np.log(FLOOR), 0.0]])
    certain_of_first, certain_of_second = [1.0, 0.0], [0.0, 1.0]
    np.testing.assert_allclose(calibrate(pool(np.array([certain_of_first, certain_of_second]))), [0.5, 0.5])
    assert predicted_class(calibrate(pool(np.array([certain_of_first, certain_of_first, certain_of_second])))) == 0


@given(distributions(st.integers(1, 6)), st.integers(0, 2**32 - 1))
def test_noise_below_the_rounding_changes_the_predicted_class_only_in_a_tie(
    probabilities: np.ndarray, seed: int
) -> None:
    noisy = probabilities + np.random.default_rng(seed).uniform(-1e-7, 1e-7, probabilities.shape)
    chosen, again = predicted_class(probabilities), predicted_class(noisy)
    ranked = np.sort(probabilities, axis=1)
    clear = ranked[:, -1] - ranked[:, -2] > 2e-6
    assert (chosen[clear] == again[clear]).all()


@pytest.mark.parametrize("noise", [0.0, 1e-7, -1e-7])
def test_a_tie_goes_to_the_first_class_whatever_float32_makes_of_it(noise: float) -> None:
    tied = np.array([0.2, 0.4 - noise, 0.4 + noise], np.float32)
    assert predicted_class(tied) == 1
    assert predicted_class(tied[None].repeat(3, axis=0)).tolist() == [1, 1, 1]


@given(distributions(1), st.integers(0, 7), temperatures)
def test_a_bias_favours_its_class(probabilities: np.ndarray, favoured: int, temperature: float) -> None:
    bias = [0.0] * probabilities.shape[1]
    bias[favoured % len(bias)] = 1.0
    logs = log_probabilities(probabilities)
    before, after = (
        calibrate(logs, TemperatureScaling(temperature)),
        calibrate(logs, TemperatureScaling(temperature, tuple(bias))),
    )
    assert after[0, favoured % len(bias)] >= before[0, favoured % len(bias)]


@pytest.mark.parametrize(("temperature", "bias"), [(0.0, ()), (-1.0, ()), (float("inf"), ()), (1.0, (float("nan"),))])
def test_a_calibration_is_finite(temperature: float, bias: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="above 0 and finite"):
        TemperatureScaling(temperature, bias)
