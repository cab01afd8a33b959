"""Models: families of scikit-learn estimators in one table, ensembling, calibration and conformal prediction."""
