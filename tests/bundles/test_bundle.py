import io
import json
import pickle
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import ModelProto

from auricle.bundles import bundle as module
from auricle.bundles.aggregation import TemperatureScaling
from auricle.bundles.bundle import Bundle
from auricle.bundles.profile import Profile
from auricle.datasets.dataset import Dataset
from auricle.errors import BundleError, OutputError
from auricle.prediction.predictor import Predictor
from auricle.training.train import train

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
    for name in Profile.arrays():
        got, expected = getattr(loaded.profile, name), getattr(bundle.profile, name)
        assert got.dtype == expected.dtype
        np.testing.assert_array_equal(got, expected)
    metadata = [{name: c.tolist() for name, c in one.profile.metadata.items()} for one in (loaded, bundle)]
    assert metadata[0] == metadata[1]
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


def test_a_version_covers_everything_but_the_date(bundle: Bundle) -> None:
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


def test_a_version_does_not_depend_on_the_wording_of_the_card(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    content, version = bundle.to_bytes(), bundle.version
    monkeypatch.setattr(module, "card", lambda *_, **__: "what a later release writes")
    assert Bundle.from_bytes(content).version == version


@pytest.mark.parametrize("name", ["model.onnx", "profile/groups.npy", "golden/window1.npy", "golden/rows.npy"])
def test_a_missing_member_is_named(forge: Forge, name: str) -> None:
    with pytest.raises(BundleError, match=rf"x: a bundle must hold all of its members as plain arrays\. .*{name}"):
        Bundle.from_bytes(forge({name: None}), source="x")


class Explosive:
    """What a pickle would run on loading."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (pytest.fail, ("a pickle was opened",))


@pytest.mark.parametrize("name", ["golden/rows.npy", "golden/window0.npy", "profile/truth.npy"])
def test_nothing_is_unpickled(forge: Forge, name: str) -> None:
    objects = npy(np.array([Explosive()], dtype=object), allow_pickle=True)
    for content in (objects, pickle.dumps(Explosive())):
        with pytest.raises(BundleError, match="must hold all of its members as plain arrays"):
            Bundle.from_bytes(forge({name: content}))


@pytest.mark.parametrize("name", ["golden/window0.npy", "golden/rows.npy", "novelty/mean.npy", "profile/chosen.npy"])
def test_text_in_place_of_numbers_is_refused(forge: Forge, name: str) -> None:
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
        claims("(1000000000000,)"),  # more memory than there is: it must not be allocated
        claims("(-1,)"),
        claims("(3,"),
        claims("(3,)", "|V0"),
        claims("(3,)", "nonsense"),
    ],
    ids=["empty", "text", "short", "long", "huge", "negative", "broken", "void", "no type"],
)
def test_an_array_that_contradicts_its_header_is_refused(forge: Forge, content: bytes) -> None:
    with pytest.raises(BundleError, match="must hold all of its members as plain arrays"):
        Bundle.from_bytes(forge({"golden/rows.npy": content}))


def test_an_unwritable_path_is_an_error(bundle: Bundle, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="the output's folder must exist"):
        bundle.save(tmp_path / "no" / "x.auricle")
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def embedding_bundle(machine_sounds, tiny_embedding) -> Bundle:
    data = Dataset.load(machine_sounds, label="label", group="machine")
    return train(data, models="embedding", embeddings=[tiny_embedding], window_s=0.2).bundle


@pytest.fixture
def forge_embedding(embedding_bundle: Bundle, forge: Forge) -> Forge:
    """Return the embedding's bundle with members and manifest changed and new hashes."""
    return lambda members=None, **manifest: forge(members, of=embedding_bundle, **manifest)


EMBEDDING_GRAPH = "embeddings/tiny/tiny.onnx"


def test_another_embedding_graph_is_refused(forge_embedding, make_embedding) -> None:
    other = make_embedding("tiny", seed=2).graphs[0]
    with pytest.raises(BundleError, match=r"every part of a row must load\. tiny: the graphs must be the files"):
        Predictor(Bundle.from_bytes(forge_embedding({EMBEDDING_GRAPH: other})))


def test_another_embedding_graph_with_its_own_hash_fails_the_self_test(forge_embedding, make_embedding) -> None:
    other = make_embedding("tiny", seed=2)
    card = json.loads(other.card.model_dump_json())
    with pytest.raises(BundleError, match="every golden window's row must be within"):
        Predictor(Bundle.from_bytes(forge_embedding({EMBEDDING_GRAPH: other.graphs[0]}, embeddings=[card])))


def test_an_embedding_graph_with_weights_in_other_files_is_refused(forge_embedding, embedding_bundle: Bundle) -> None:
    card = json.loads(embedding_bundle.manifest.embeddings[0].model_dump_json()) | {"sha256": []}
    model = ModelProto.FromString(embedding_bundle.embeddings["tiny"][0])
    model.graph.initializer[0].external_data.add(key="location", value="/etc/passwd")
    content = model.SerializeToString()
    with pytest.raises(BundleError, match="must hold its weights"):
        Predictor(Bundle.from_bytes(forge_embedding({EMBEDDING_GRAPH: content}, embeddings=[card])))


def test_a_missing_embedding_graph_is_named(forge_embedding) -> None:
    with pytest.raises(BundleError, match=EMBEDDING_GRAPH):
        Bundle.from_bytes(forge_embedding({EMBEDDING_GRAPH: None}))


@pytest.mark.parametrize("members", [{}, {"more": "00"}])
def test_members_must_have_the_hashes_of_the_manifest(forge: Forge, members: dict[str, str]) -> None:
    with pytest.raises(BundleError, match=r"every member must have its hash in the manifest\. MLmodel does not"):
        Bundle.from_bytes(forge(members=members), source="x")
