"""Causes of drift: sentences, subgroups, and change points."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from auricle.monitoring.check import check
from auricle.monitoring.diagnosis.causes import _prediction_causes
from auricle.monitoring.drift.novel_clusters import NovelClusters
from auricle.monitoring.verdict import NEXT_STEPS

pytest.importorskip("river")
START = np.datetime64("2026-03-01", "us")


def checked(reference, window, **options):
    return check(reference, window, model_rate_hz=16_000, now=datetime(2026, 12, 1, tzinfo=UTC), **options)


def sites(sample, names):
    return {"site": np.array([names[i % len(names)] for i in range(len(sample))])}


def quieter(sample, chosen, by_db):
    quality = sample.quality.copy()
    quality[chosen, 0] -= by_db
    return quality


def test_cause_names_subgroup_and_start(make_sample, unlabelled):
    n = 400
    window = unlabelled(make_sample(n, 1, times=START + np.arange(n) * np.timedelta64(1, "h")))
    window = replaced(window, metadata=sites(window, ("north", "south", "west", "east")))
    changed = (window.metadata["site"] == "north") & (np.arange(n) >= 200)
    reference = make_sample(300)
    reference = replaced(reference, metadata=sites(reference, ("north", "south", "west", "east")))
    found = checked(reference, replaced(window, quality=quieter(window, changed, 40.0)), by="site")
    assert found.verdict.state == "alarm"
    (cause,) = found.causes
    assert (cause.kind, cause.where) == ("level", "north")
    assert abs(cause.since - datetime(2026, 3, 9, 8, tzinfo=UTC)).total_seconds() <= 8 * 3600
    assert cause.sentence.startswith("Level fell by ")
    assert " at site=north since 9 March 2026" in cause.sentence
    assert cause.sentence.endswith("; the other 3 tested values of site are unchanged.")


def test_fault_in_all_subgroups_has_no_subgroup(make_sample, unlabelled):
    window = unlabelled(make_sample(200, 1, shifted={"level_db": -12.0}))
    window = replaced(window, metadata=sites(window, ("north", "south")))
    found = checked(make_sample(300), window, by="site")
    assert [(cause.kind, cause.where) for cause in found.causes] == [("level", None)]


def test_single_unchanged_subgroup_is_named(make_sample, unlabelled):
    window = unlabelled(make_sample(200, 1))
    window = replaced(window, metadata=sites(window, ("north", "south")))
    changed = window.metadata["site"] == "north"
    reference = make_sample(300)
    reference = replaced(reference, metadata=sites(reference, ("north", "south")))
    found = checked(reference, replaced(window, quality=quieter(window, changed, 12.0)), by="site")
    assert found.causes[0].sentence.endswith(" at site=north; south is unchanged.")


def test_new_kind_of_sound_is_a_cause(make_sample, unlabelled):
    window = unlabelled(make_sample(200, 1))
    novelty = np.where(np.arange(200) % 3 == 0, 1.5, window.novelty).astype(np.float32)
    found = checked(make_sample(300), replaced(window, novelty=novelty, unknown=novelty > 0.98))
    assert [cause.kind for cause in found.causes] == ["new_class"]
    assert "are out of distribution" in found.causes[0].sentence


def test_missing_class_is_a_cause(make_sample, unlabelled):
    window = make_sample(400, 1)
    found = checked(make_sample(300), unlabelled(window.subset(window.truth != "cow")))
    assert [cause.kind for cause in found.causes] == ["missing_class"]
    assert found.causes[0].sentence.startswith("Class 'cow' has almost disappeared")


def test_a_missing_class_is_named_before_the_clusters_of_the_others(make_sample, unlabelled):
    window = make_sample(400, 1)
    found = checked(make_sample(300), unlabelled(window.subset(window.truth != "cow"))).drift
    drift = replace(found, novel_clusters=NovelClusters(share=0.06, rest=0.05, p=0.001))
    assert [cause.kind for cause in _prediction_causes(drift, 0.01)] == ["missing_class"]
    assert [cause.kind for cause in _prediction_causes(replace(drift, label_shift=None), 0.01)] == ["new_class"]


def test_unexplained_drift_names_largest_shifts(make_sample, unlabelled):
    window = unlabelled(make_sample(200, 1))
    found = checked(make_sample(300), replaced(window, rows=window.rows + np.float32(1.0)))
    assert [cause.kind for cause in found.causes] == ["other"]
    assert "mfcc" in found.causes[0].sentence


def test_every_kind_has_a_next_step():
    from typing import get_args

    from auricle.monitoring.diagnosis.fault_rules import Kind

    assert set(get_args(Kind)) <= NEXT_STEPS.keys()


def replaced(sample, **changes):
    from dataclasses import replace

    return replace(sample, **changes)
