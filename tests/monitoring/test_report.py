"""The monitoring report: sections, plots, and several versions."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from auricle.monitoring.check import check
from auricle.monitoring.report import MEASURES, build_report
from auricle.monitoring.sources.sample import reference_sample

pytest.importorskip("river")


@pytest.fixture
def watched(states):
    """A hundred recordings like those that a real model was trained on, at two sites, one of which became quieter."""
    reference = reference_sample(states.bundle)
    places = np.random.default_rng(0).integers(0, len(reference), 100)
    window = reference.subset(places)
    site = np.array(["north", "south"])[np.arange(100) % 2]
    quality = window.quality.copy()
    quality[(site == "north") & (np.arange(100) >= 50), 0] -= 60.0
    return replace(
        window,
        ids=np.arange(100).astype(str),
        groups=np.arange(100).astype(str),
        times=np.datetime64("2026-03-01", "us") + np.arange(100) * np.timedelta64(1, "h"),
        metadata={"site": site},
        quality=quality,
    )


def checked(states, window, **options):
    found = check(
        reference_sample(states.bundle), window, model_rate_hz=8000, now=datetime(2026, 4, 1, tzinfo=UTC), **options
    )
    return found, states.bundle, window


@pytest.mark.usefixtures("drawn")
def test_report_has_sections_and_plots(states, watched):
    page = build_report([checked(states, watched, by="site")], by="site")
    titles = [section.title for section in page.sections]
    assert titles[0] == "Findings"
    assert {"Audio quality", "Audio quality by site", "Class shares", "Method"} <= set(titles)
    html = page.html()
    assert "site" in html
    assert html.count("data:image/svg+xml") >= 2
    assert page.title == "Monitoring of states"


def test_report_of_few_recordings(states, watched):
    page = build_report([checked(states, watched.subset(np.arange(7)))])
    assert page.tone == "warning"
    assert "Not enough yet: 7 of 50 recordings" in page.html()


def test_worst_verdict_comes_first(states, watched):
    few = checked(states, watched.subset(np.arange(7)))
    calm = (replace(few[0], verdict=replace(few[0].verdict, state="ok")), *few[1:])
    assert build_report([calm, few]).tone == "warning"
    assert build_report([]).verdict.startswith("Not enough yet")


def test_every_measure_has_a_name():
    from auricle.bundles.profile import QUALITY_COLUMNS

    assert MEASURES.keys() == set(QUALITY_COLUMNS)


def test_a_name_that_holds_an_at_sign_stands_whole_in_the_title(states, watched):
    found, bundle, window = checked(states, watched.subset(np.arange(7)))
    page = build_report([(replace(found, model="pump@north@0123456789ab"), bundle, window)])
    assert page.title == "Monitoring of pump@north"
