"""``auricle watch``: one check, the loop, the lease among several watches, and bad options."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from auricle.prediction.predictor import Predictor
from auricle.store.store import Store

Run = Callable[..., Any]


@pytest.fixture
def url(auricle: Run, states_file: Path, tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path / 'engine.db'}"
    assert auricle("models", "add", states_file, "--store", url).code == 0
    return url


def test_a_check_is_stored_and_printed(auricle: Run, url: str, states: Predictor) -> None:
    ran = auricle("watch", "--store", url, "--once")
    assert ran.code == 0
    assert f"{states.name}: watch. Not enough yet: 0 of" in ran.out
    (found,) = json.loads(auricle("watch", "--store", url, "--once", "--json").out)["checks"]
    assert (found["model"], found["verdict"], found["retrained"], found["problems"]) == (states.name, "watch", None, [])
    with Store.open(url) as store:
        assert len(store.checks.latest(limit=9)) == 2


def test_a_store_without_a_champion(auricle: Run, tmp_path: Path) -> None:
    url = str(tmp_path / "empty.db")
    Store.open(url).close()
    ran = auricle("watch", "--store", url, "--once")
    assert (ran.code, ran.err) == (0, "No model in the store has a champion yet.\n")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--every", "0s"), "A duration must be a number above 0"),
        (("--since", "ever"), "A duration must be a number above 0"),
        (("--rate", "1"), "`--rate` must lie between 0 and 1. Got 1."),
        (("--persist", "3/2"), "`--persist` must be K/N, K from 1 to N, such as 2/3. Got '3/2'."),
        (("--persist", "often"), "`--persist` must be K/N"),
        (
            ("--webhook", "https://host/"),
            "A webhook needs a secret shared with its receiver: set AURICLE_WEBHOOK_SECRET",
        ),
        (("--webhook", "gopher://host/"), "A webhook must be a URL of http or https"),
        (("--metrics-port", "99999"), "Port 99999 of 127.0.0.1 must be free for metrics."),
        (("--retrain", "nowhere"), "nowhere"),
        (("--cache-max", "much"), "A size must be a number"),
    ],
)
def test_bad_options_are_refused_before_any_check(
    auricle: Run, url: str, options: tuple[str, ...], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AURICLE_WEBHOOK_SECRET", raising=False)
    ran = auricle("watch", "--store", url, "--once", *options)
    assert ran.code == 2
    assert message in ran.sentence
    with Store.open(url) as store:
        assert store.checks.latest() == ()


def test_a_second_watch_is_refused(auricle: Run, url: str) -> None:
    with Store.open(url) as store:
        assert store.leases.take("watch", holder="elsewhere:1") is not None
        ran = auricle("watch", "--store", url, "--once")
    assert ran.code == 2
    assert "must be done by one process at a time. elsewhere:1 is running it." in ran.sentence


def test_a_stopped_watch_releases_its_lease(url: str) -> None:
    command = [sys.executable, "-m", "auricle", "watch", "--store", url, "--every", "1s", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as watching:
        assert watching.stdout is not None
        lines = [json.loads(watching.stdout.readline()) for _ in range(2)]
        watching.send_signal(signal.SIGTERM)
        assert watching.wait(30) == 0
    assert [line["verdict"] for line in lines] == ["watch", "watch"]
    with Store.open(url) as store:
        assert store.leases.holder("watch") is None


def test_another_watch_takes_over_from_a_killed_one(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    command = [sys.executable, "-m", "auricle", "watch", "--store", url, "--every", "1s", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as watching:
        assert watching.stdout is not None
        watching.stdout.readline()
        watching.kill()
        watching.wait(30)
    later = time.time() + 61  # the lease lasts a minute
    monkeypatch.setattr("auricle.runtime.clock.time.time", lambda: later)
    with Store.open(url) as store:
        assert store.leases.take("watch", holder="another") is not None
