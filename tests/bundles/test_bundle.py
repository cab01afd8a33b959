import io
import json
import pickle
import zipfile
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from auricle.bundles import bundle as room
from auricle.bundles import container
from auricle.bundles.aggregation import TemperatureScaling
from auricle.bundles.bundle import Bundle
from auricle.bundles.manifest import Manifest
from auricle.bundles.profile import Profile
from auricle.errors import BundleError, OutputError

Forge = Callable[..., bytes]


def npy(array: np.ndarray, *, allow_pickle: bool = False) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=allow_pickle)
    return stream.getvalue()


@pytest.fixture(params=["states", "speeds"])
def bundle(request: pytest.FixtureRequest) -> Bundle:
    trained: Bundle = request.getfixturevalue(f"trained_on_{request.param}").bundle
    return trained


def test_save_and_load_give_the_same_bundle(bundle: Bundle, tmp_path: Path) -> None:
    bundle.save(tmp_path / "x.auricle")
    loaded = Bundle.load(tmp_path / "x.auricle")
    assert loaded.to_bytes() == bundle.to_bytes() == (tmp_path / "x.auricle").read_bytes()
    assert (loaded.id, loaded.graph) == (bundle.id, bundle.graph)
    assert loaded.manifest.model_copy(update={"members": {}}) == bundle.manifest
    for field in fields(Profile):
        got, expected = getattr(loaded.profile, field.name), getattr(bundle.profile, field.name)
        assert got.dtype == expected.dtype
        np.testing.assert_array_equal(got, expected)
    np.testing.assert_array_equal(loaded.golden.rows, bundle.golden.rows)
    np.testing.assert_array_equal(loaded.golden.answers, bundle.golden.answers)
    assert all(map(np.array_equal, loaded.golden.windows, bundle.golden.windows))


def test_more_than_ten_golden_windows_keep_their_order(bundle: Bundle) -> None:
    windows = tuple(np.full(300 + i, i, np.float32) for i in range(12))
    loaded = Bundle.from_bytes(replace(bundle, golden=replace(bundle.golden, windows=windows)).to_bytes())
    assert [window.size for window in loaded.golden.windows] == list(range(300, 312))


def test_the_file_is_a_zip_with_a_card_and_plain_arrays(bundle: Bundle, tmp_path: Path) -> None:
    bundle.save(tmp_path / "x.auricle")
    with zipfile.ZipFile(tmp_path / "x.auricle") as archive:
        names = archive.namelist()
        assert json.loads(archive.read("manifest.json"))["name"] == bundle.manifest.name
        assert f"\n# {bundle.manifest.name}\n" in archive.read("README.md").decode()
    assert {Path(name).suffix for name in names} == {".json", ".md", ".npy", ".onnx", ""}
    assert {name for name in names if "." not in name} == {"MLmodel"}


def test_a_version_ignores_the_date_and_nothing_else(bundle: Bundle) -> None:
    def version(**changes: Any) -> str:
        return replace(bundle, manifest=bundle.manifest.model_copy(update=changes)).version

    assert version(created="1999-01-01T00:00:00+00:00") == bundle.version
    others = {
        version(name="other"),
        version(verdict="Better."),
        version(protocol="by eye"),
        version(scores={"accuracy": 1.0}),
        version(calibration=bundle.manifest.calibration.model_copy(update={"window": TemperatureScaling(2.0)})),
        version(versions={}),
        replace(bundle, graph=bundle.graph + b"\0").version,
        replace(bundle, golden=replace(bundle.golden, answers=bundle.golden.answers + 1)).version,
        replace(bundle, profile=replace(bundle.profile, groups=bundle.profile.groups[::-1])).version,
    }
    assert len(others | {bundle.version}) == 10


def test_a_file_keeps_its_version_when_cards_are_written_otherwise(
    bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    content, version = bundle.to_bytes(), bundle.version
    monkeypatch.setattr(room, "card", lambda *_, **__: "what a later release writes")
    assert Bundle.from_bytes(content).version == version


@pytest.mark.parametrize("version", [0, 2, 4, "3", None])
def test_another_format_is_refused_by_name(forge: Forge, version: object) -> None:
    with pytest.raises(BundleError) as caught:
        Bundle.from_bytes(forge(format=version), source="x.auricle")
    assert str(caught.value) == (
        f"x.auricle: the bundle's format must be 3. Got {version}; "
        "use the version of auricle that wrote it, or train again."
    )


@pytest.mark.parametrize(
    ("manifest", "message"),
    [
        ({"colour": "red"}, r"x: the bundle's manifest must be readable\. `colour`: extra inputs are not permitted"),
        ({"task": "sing"}, r"x: the bundle's manifest must be readable\. `task`: input should be 'classify' or"),
        ({"task": None}, r"`task`: field required"),
        ({"spec": {"rate_hz": 8000, "hops": 3}}, r"^x: `hops` is not a setting of FeatureSpec\. Known: rate_hz, "),
        ({"spec": {"rate_hz": 8000, "fmax_hz": 9000.0}}, r"^x: `fmax_hz` must be at most 4000"),
        ({"target": {"mean": 1.0, "deviation": 2.0}}, r"a target and no classes, a classifier classes and no target"),
        ({"classes": []}, r"a target and no classes, a classifier classes and no target"),
        ({"task": "regress"}, r"a target and no classes, a classifier classes and no target"),
        ({"members": {}}, r"every member must have the hash that the manifest gives\. MLmodel has not"),
        ({"members": {"more": "00"}}, r"every member must have the hash that the manifest gives"),
    ],
)
def test_a_manifest_that_cannot_be_used_is_refused(forge: Forge, manifest: dict[str, Any], message: str) -> None:
    with pytest.raises(BundleError, match=message):
        Bundle.from_bytes(forge(**manifest), source="x")


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"null", b"\xff\xfe", b'"text"', b"[" * 100_000], ids=lambda content: content[:4]
)
def test_a_manifest_that_is_no_json_object_is_refused(content: bytes) -> None:
    with pytest.raises(BundleError, match="x: the bundle's manifest must be readable"):
        Bundle.from_bytes(container.pack({"manifest.json": content}), source="x")
    with pytest.raises(BundleError, match="x: the bundle's manifest must be readable"):
        Bundle.from_bytes(container.pack({"model.onnx": b""}), source="x")


@pytest.mark.parametrize("name", ["model.onnx", "profile/groups.npy", "golden/window1.npy", "golden/rows.npy"])
def test_a_missing_member_is_named(forge: Forge, name: str) -> None:
    with pytest.raises(BundleError, match=rf"x: a bundle must hold all of its members as plain arrays\. .*{name}"):
        Bundle.from_bytes(forge({name: None}), source="x")


class Explosive:
    """What a pickle would run on loading."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (pytest.fail, ("a pickle was opened",))


@pytest.mark.parametrize("name", ["golden/rows.npy", "golden/window0.npy", "profile/truth.npy"])
def test_nothing_is_ever_unpickled(forge: Forge, name: str) -> None:
    objects = npy(np.array([Explosive()], dtype=object), allow_pickle=True)
    for content in (objects, pickle.dumps(Explosive())):
        with pytest.raises(BundleError, match="must hold all of its members as plain arrays"):
            Bundle.from_bytes(forge({name: content}))


@pytest.mark.parametrize("name", ["golden/window0.npy", "golden/rows.npy", "novelty/mean.npy", "profile/chosen.npy"])
def test_text_in_the_place_of_numbers_is_refused(forge: Forge, name: str) -> None:
    with pytest.raises(BundleError, match=r"x: a bundle must hold all of its members as plain arrays\. "):
        Bundle.from_bytes(forge({name: npy(np.array(["a", "b"]))}), source="x")


@pytest.mark.parametrize("name", ["profile/groups.npy", "profile/answers.npy", "novelty/thresholds.npy"])
def test_arrays_that_do_not_fit_each_other_are_refused(forge: Forge, name: str) -> None:
    array = np.array(["a"]) if "groups" in name else np.zeros((1, 1))
    with pytest.raises(BundleError, match=r"^x: A .* arrays must "):
        Bundle.from_bytes(forge({name: npy(array)}), source="x")


def claims(shape: str, kind: str = "<f4") -> bytes:
    header = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}"
    header += " " * (64 - (10 + len(header) + 1) % 64) + "\n"
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"text",
        npy(np.zeros((3, 4), np.float32))[:-1],
        npy(np.zeros((3, 4), np.float32)) + b"\0",
        claims("(1000000000000,)"),  # more memory than there is: it must not be asked for
        claims("(-1,)"),
        claims("(3,"),
        claims("(3,)", "|V0"),
        claims("(3,)", "nonsense"),
    ],
    ids=["empty", "text", "short", "long", "huge", "negative", "broken", "void", "no type"],
)
def test_an_array_that_is_not_what_its_header_says_is_refused(forge: Forge, content: bytes) -> None:
    with pytest.raises(BundleError, match="must hold all of its members as plain arrays"):
        Bundle.from_bytes(forge({"golden/rows.npy": content}))


def test_a_place_that_cannot_be_written(bundle: Bundle, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="the output's folder must exist"):
        bundle.save(tmp_path / "no" / "x.auricle")
    assert list(tmp_path.iterdir()) == []


def test_a_manifest_is_frozen_and_knows_its_keys(bundle: Bundle) -> None:
    with pytest.raises(ValueError, match="frozen"):
        bundle.manifest.name = "other"
    with pytest.raises(ValueError, match="Extra inputs"):
        Manifest(name="x", task="classify", classes=("a",), spec=bundle.manifest.spec, family="linear", colour="red")
