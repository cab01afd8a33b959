import pytest

from auricle.errors import UsageError
from auricle.models.table import AUTO, MODELS, estimator, family_names, grid


def test_auto_is_the_fast_families_in_order():
    cheap = tuple(name for name in MODELS if name in AUTO)
    assert family_names() == family_names("blend") == (cheap, True)
    assert family_names("forest,linear") == (("linear", "forest"), False)
    assert family_names("forest,linear,blend") == (("linear", "forest"), True)
    assert family_names(["auto", "boosting"])[0][-1] == "boosting"


@pytest.mark.parametrize("wanted", ["forrest", "forest,", [], "forest,gpt"])
def test_unknown_family_is_refused(wanted):
    with pytest.raises(UsageError, match=r"`models` must be among auto, linear, .*boosting"):
        family_names(wanted)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("task", ["classify", "regress"])
def test_grid_names_hyperparameters_of_the_estimator(name, task):
    settings = estimator(name, task, seed=0).get_params()
    options = grid(name, task)
    assert options
    assert options.keys() <= settings.keys()
    assert all(len(values) > 1 for values in options.values())


def test_the_forests_grid_is_that_of_the_article():
    assert grid("forest", "classify") == {"max_depth": (2, 4, 6, 8), "min_samples_split": (2, 4, 6, 8)}
