import numpy as np

from auricle.models.novelty import MAX_PROTOTYPES, fit_prototypes


def test_prototypes_are_standardised_clipped_and_evenly_spaced(rng: np.random.Generator) -> None:
    rows = rng.normal(5.0, 2.0, (3 * MAX_PROTOTYPES, 4)).astype(np.float32)
    fitted = fit_prototypes(rows, limit=1.5)
    assert fitted.prototypes.shape == (MAX_PROTOTYPES, 4)
    np.testing.assert_allclose(fitted.mean, rows.mean(axis=0, dtype=np.float64), rtol=1e-6)
    expected = np.clip((rows[[0, -1]] - fitted.mean) * fitted.inverse_deviation, -1.5, 1.5)
    np.testing.assert_array_equal(fitted.prototypes[[0, -1]], expected)


def test_few_rows_are_all_kept(rng: np.random.Generator) -> None:
    assert len(fit_prototypes(rng.normal(size=(7, 2)).astype(np.float32), limit=3.0).prototypes) == 7
