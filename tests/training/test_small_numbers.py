"""Few groups, classes and recordings: a result or a sentence, and "one group" only where there is one.

``AURICLE_FUZZ`` sets the number of data sets: a few in the suite, many by ``make hardening``.
"""

import json
import os
import re
from itertools import product

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from auricle.datasets.dataset import Dataset, Example
from auricle.errors import AuricleError
from auricle.features.spec import FeatureSpec
from auricle.training.train import train

MAX_EXAMPLES = max(8, int(os.environ.get("AURICLE_FUZZ", "0")) // 500)
SPEC = FeatureSpec(rate_hz=8000, n_fft=256, hop=128, n_mels=16, n_mfcc=8, features=("mel",), window_s=0.1)
ONE_GROUP = re.compile(r"one group(?! per| each)|1 groups?\b|only group", re.IGNORECASE)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Files by group, class and number: tones of a class, in noise."""
    folder, rng, at_s = tmp_path_factory.mktemp("few"), np.random.default_rng(0), np.arange(1000) / 8000
    found = {}
    for group, label, number in product(range(5), repeat=3):
        found[group, label, number] = folder / f"{group}{label}{number}.wav"
        tone = np.sin(2 * np.pi * (300 + 400 * label + 20 * group + number) * at_s)
        soundfile.write(found[group, label, number], 0.2 * tone + 0.1 * rng.standard_normal(1000), 8000)
    return found


@settings(
    max_examples=MAX_EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
@given(
    st.integers(1, 5),
    st.integers(2, 5),
    st.integers(1, 5),
    st.sampled_from([None, "of groups", "of recordings", "of files"]),
    st.sampled_from(["none", "none", "none", "grid"]),
    st.booleans(),
)
def test_a_result_or_a_sentence(files, n_groups, n_classes, n_each, folds, tune, is_apart):
    cells = product(range(n_groups), range(n_classes), range(n_each))
    examples = tuple(
        Example(
            files[group, label, number],
            f"c{label}",
            None,
            group=files[group, label, number].name if folds == "of files" else f"g{group}",
            fold={None: None, "of groups": str(group), "of recordings": str(number), "of files": str(number)}[folds],
        )
        for group, label, number in cells
        if not (is_apart and (group + label) % 2)  # classes that not every group has
    )
    try:
        data = Dataset(examples, "classify", group_column=None if folds == "of files" else "machine")
        result = train(data, models="linear", embeddings=(), tune=tune, spec=SPEC, workers=1)
    except AuricleError as error:
        said = str(error)
        assert said.rstrip().endswith((".", "?"))
    else:
        said = result.bundle.manifest.verdict
        json.dumps(result.as_json(), allow_nan=False)
        assert n_groups == 1 or folds == "of files" or result.as_json()["test"]["n_groups"] > 1
    if len({example.group for example in examples}) > 1:
        assert not ONE_GROUP.search(said), said
