from collections.abc import Callable
from pathlib import Path

import pytest

from auricle.datasets.dataset import Dataset
from auricle.datasets.loading import load_recordings
from auricle.errors import DataError, UsageError

Folder = Callable[..., Path]

SOUNDS = ["c/a.wav", "c/b.wav", "c/c.wav", "c/d.wav"]
TABLE = """file_name,label,target,group,fold,speaker,start_s,end_s,time
c/a.wav,dog,1,g1,1,ann,,,2024-01-01
c/b.wav,cat,2.5,g1,2,ann,0.5,1.5,
c/c.wav,dog,-3e2,g2,1,bob,0,,
c/d.wav,cat,0,g2,2,bob,,2,
"""


@pytest.fixture
def root(folder: Folder) -> Path:
    return folder(*SOUNDS, metadata__csv=TABLE)


def rows(*lines: str, header: str = "file_name,label") -> str:
    return "\n".join([header, *lines, ""])


def test_target_column_means_regression(root: Path) -> None:
    data = Dataset.load(root)
    assert data.task == "regress"
    assert data.targets.tolist() == [1, 2.5, -300, 0]
    assert data.examples[0].metadata["label"] == "dog"


def test_named_columns_and_tasks(root: Path) -> None:
    for options in ({"task": "classify"}, {"label": "label"}):
        data = Dataset.load(root, **options)
        assert data.classes == ("cat", "dog")
    assert Dataset.load(root, label="speaker").classes == ("ann", "bob")
    assert Dataset.load(root, target="fold").targets.tolist() == [1, 2, 1, 2]


def test_example_holds_the_cells_of_its_row(root: Path) -> None:
    first, second, *_ = Dataset.load(root, label="label", fold="fold").examples
    assert first.file == root / "c/a.wav"
    assert (first.start_s, first.end_s, first.time, first.fold, first.group) == (0, None, "2024-01-01", "1", "g1")
    assert (second.start_s, second.end_s, second.time, second.split) == (0.5, 1.5, None, None)
    assert first.metadata == {"target": "1", "group": "g1", "fold": "1", "speaker": "ann"}


def test_groups_are_named_or_given_or_the_recording(root: Path, folder: Folder) -> None:
    assert Dataset.load(root, group="speaker").groups.tolist() == ["ann", "ann", "bob", "bob"]
    assert Dataset.load(root).group_column == "group"
    plain = Dataset.load(folder(t__csv=rows("c/a.wav,x", "./c/../c/b.wav,y")) / "t.csv")
    assert plain.groups.tolist() == ["c/a.wav", "c/b.wav"]
    assert plain.group_column is None


def test_published_folds_are_used_only_when_named(root: Path) -> None:
    assert Dataset.load(root).folds is None
    folds = Dataset.load(root, fold="fold").folds
    assert folds is not None
    assert folds.tolist() == ["1", "2", "1", "2"]


def test_class_folders(folder: Folder) -> None:
    data = Dataset.load(folder("dog/a.wav", "cat/b.wav"))
    assert data.labels.tolist() == ["cat", "dog"]
    assert data.groups.tolist() == ["cat/b.wav", "dog/a.wav"]


def test_relative_and_absolute_paths_are_the_same_set(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)
    assert Dataset.load(".").groups.tolist() == Dataset.load(root).groups.tolist()
    assert Dataset.load("metadata.csv").examples[0].file == Path("c/a.wav")


@pytest.mark.parametrize("option", ["label", "target", "group", "fold"])
def test_an_unknown_column_lists_the_known_ones(option: str, root: Path) -> None:
    with pytest.raises(
        UsageError, match=rf"`{option}` must name a column. There is no 'nope'; there are 'file_name', "
    ):
        Dataset.load(root, **{option: "nope"})


def test_options_that_contradict_each_other(root: Path) -> None:
    with pytest.raises(UsageError, match=r"cannot both be named"):
        Dataset.load(root, label="label", target="target")
    with pytest.raises(UsageError, match=r"`task` 'regress' contradicts the column"):
        Dataset.load(root, task="regress", label="label")


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (rows("a.wav,x", header="path,label"), r"must have the column 'file_name'. Its columns are 'path', 'label'"),
        (rows("c/a.wav", header="file_name"), r"must have the column 'label', or `label` must name another"),
        (
            rows("c/a.wav,x", "c/no.wav,y"),
            r"t.csv, line 3: the recording must be there. There is no file .*c/no.wav\.$",
        ),
        (rows("c/x.wav,x", "c/y.wav,y"), r"line 2: .*c/x.wav. 2 of 2 rows name files that are missing"),
        (rows("c/a.wav,x", "c,y"), r"line 3: the recording must be there"),
        (rows("c/a.wav,x", "c/b.wav, "), r"line 3: 'label' must not be empty. Fill it in, or remove the row"),
        (rows(",x"), r"line 2: 'file_name' must not be empty"),
        (rows("../nowhere.wav,x"), r"line 2: the recording must be there. There is no file /.*[^.]/nowhere.wav"),
        (rows("/nowhere/a.wav,x"), r"line 2: the recording must be there. There is no file /nowhere/a.wav"),
        (rows(".,x"), r"line 2: the recording must be there"),
        (rows("c/a\0.wav,x"), r"line 2: the recording must be there"),
        (
            rows("c/a.wav,x", "c/b.wav,y", "c/a.wav,y"),
            r"line 4: a recording must have one label. .* 'y' here and 'x' at .*line 2",
        ),
        (
            rows("c/a.wav,dog", "c/b.wav,Dog"),
            r"labels must differ in more than spaces or case\. 'Dog' and 'dog' do not",
        ),
        (rows("c/a.wav,dog", "c/b.wav,dog "), r"'dog' and 'dog ' do not"),
        (rows("c/a.wav,big dog", "c/b.wav,bigdog"), r"'big dog' and 'bigdog' do not"),
    ],
)
def test_bad_tables_of_classes(table: str, message: str, folder: Folder) -> None:
    with pytest.raises(DataError, match=message):
        Dataset.load(folder(*SOUNDS, t__csv=table) / "t.csv")


@pytest.mark.parametrize("text", ["inf", "-inf", "seven", "1,5", "1_000"])
def test_a_target_is_a_number(text: str, folder: Folder) -> None:
    table = rows(f'c/a.wav,"{text}"', header="file_name,target")
    with pytest.raises(DataError, match=r"line 2: 'target' must be a number, with a point for decimals. Got "):
        Dataset.load(folder(*SOUNDS, t__csv=table) / "t.csv")


@pytest.mark.parametrize(("start", "end"), [("-1", ""), ("2", "2"), ("3", "1")])
def test_part_must_begin_at_zero_or_later_and_end_after_it_begins(start: str, end: str, folder: Folder) -> None:
    table = rows(f"c/a.wav,x,{start},{end}", header="file_name,label,start_s,end_s")
    with pytest.raises(DataError, match=r"line 2: a part must begin at 0 s or later and end after it begins"):
        Dataset.load(folder(*SOUNDS, t__csv=table) / "t.csv")


def test_all_parts_of_a_recording_are_in_one_group(folder: Folder) -> None:
    table = rows("c/a.wav,x,0,ann", "c/a.wav,y,1,bob", header="file_name,label,start_s,who")
    with pytest.raises(DataError, match=r"By 'who', .*c/a.wav is in 'ann' and 'bob'. Name a coarser column"):
        Dataset.load(folder(*SOUNDS, t__csv=table) / "t.csv", group="who")


def test_a_table_may_name_any_file(folder: Folder) -> None:
    base = folder(*SOUNDS, "tables/inside.wav")
    lines = ("../c/a.wav,x", f"{base}/c/b.wav,y", "inside.wav,x", f"{base}/tables/../c/c.wav,y")
    (base / "tables" / "t.csv").write_text(rows(*lines))
    data = Dataset.load(base / "tables" / "t.csv")
    assert [e.file for e in data.examples] == [
        base / name for name in ("c/a.wav", "c/b.wav", "tables/inside.wav", "c/c.wav")
    ]
    assert data.groups.tolist() == ["../c/a.wav", "../c/b.wav", "inside.wav", "../c/c.wav"]


def test_different_paths_to_one_file_are_one_recording(folder: Folder) -> None:
    base = folder(*SOUNDS, "tables/inside.wav")
    (base / "tables" / "t.csv").write_text(rows("../c/a.wav,x", f"{base}/c/a.wav,y"))
    with pytest.raises(DataError, match="line 3: a recording must have one label"):
        Dataset.load(base / "tables" / "t.csv")


def test_names_that_leave_a_linked_folder_start_at_its_real_location(folder: Folder, tmp_path: Path) -> None:
    base = folder(*SOUNDS, "set/inside.wav")
    (base / "set" / "t.csv").write_text(rows("../c/a.wav,x", "inside.wav,x"))
    (tmp_path / "far").mkdir()
    link = tmp_path / "far" / "link"
    link.symlink_to(base / "set")
    first, second = Dataset.load(link / "t.csv").examples
    assert (first.file, first.group) == (base / "c/a.wav", "../c/a.wav")
    assert second.file == link / "inside.wav"


def test_relative_names_start_from_root(folder: Folder) -> None:
    base = folder(*SOUNDS, "other/e.wav", other__csv=rows("a.wav,x", "{}/other/e.wav,y"))
    table = base / "other.csv"
    table.write_text(table.read_text().format(base))
    for root in (base / "c", str(base / "c")):
        data = Dataset.load(table, root=root)
        assert [e.file for e in data.examples] == [base / "c/a.wav", base / "other/e.wav"]
        assert data.groups.tolist() == ["a.wav", "../other/e.wav"]
    with pytest.raises(UsageError, match=r"`root` must be a folder. There is no folder .*/nowhere"):
        Dataset.load(table, root=base / "nowhere")
    with pytest.raises(
        UsageError, match=r"`root` is the folder that relative file names of a table start from. This is not a table"
    ):
        Dataset.load(folder("x/d/a.wav") / "x", root=base)


UNLABELLED = """file_name,label,target,split,site,time,end_s
c/a.wav,,,test,n,2026-03-01T12:00:00+02:00,1.5
c/b.wav," ",,train,s, ,
c/c.wav,cat,2.5,,s,86400,
"""


def test_recordings_need_no_label(folder: Folder) -> None:
    table = folder(*SOUNDS, t__csv=UNLABELLED) / "t.csv"
    found = load_recordings(table, "classify").examples
    assert [(e.label, e.target) for e in found] == [(None, None), (None, None), ("cat", None)]
    assert [(e.label, e.target) for e in load_recordings(table, "regress").examples] == [
        (None, None),
        (None, None),
        (None, 2.5),
    ]
    assert [e.time for e in found] == ["2026-03-01T12:00:00+02:00", None, "86400"]
    assert [e.split for e in found] == ["test", "train", None]
    assert found[0].metadata == {"target": "", "site": "n"}
    assert (found[0].end_s, found[1].end_s) == (1.5, None)
    assert [e.group for e in found] == [str(e.file) for e in found]
    assert [e.group for e in load_recordings(table, "classify", group="site").examples] == ["n", "s", "s"]
    assert [e.label for e in load_recordings(table, "classify", label="site").examples] == ["n", "s", "s"]
    bare = folder(t__csv="file_name\na.wav\n") / "t.csv"
    assert [e.label for e in load_recordings(bare, "classify", root=bare.parent / "c").examples] == [None]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("file_name,start_s,end_s\nc/a.wav,2,1\n", "line 2: a part must begin at 0 s or later and end after it begins"),
        (
            "file_name,start_s\nc/a.wav,1_0\n",
            "line 2: 'start_s' must be a number, with a point for decimals. Got '1_0'",
        ),
        (
            "file_name,target\nc/a.wav,fast\n",
            "line 2: 'target' must be a number, with a point for decimals. Got 'fast'",
        ),
        ("file_name,time\nc/a.wav,noon\n", "line 2: 'time' must be ISO 8601, .* Got 'noon'"),
        ("file_name,group\nc/a.wav,\n", "line 2: 'group' must not be empty"),
        (
            "file_name,target\nc/a.wav,1\nc/a.wav,\nc/a.wav,2\n",
            "line 4: a recording must have one label. .* 2.0 here and 1.0",
        ),
        ("file_name\nc/x.wav\nc/y.wav\n", "line 2: .*c/x.wav. 2 of 2 rows name files that are missing"),
    ],
)
def test_recordings_that_cannot_be_used(table: str, message: str, folder: Folder) -> None:
    with pytest.raises(DataError, match=message):
        load_recordings(folder(*SOUNDS, t__csv=table) / "t.csv", "regress")


def test_a_folder_may_be_reached_through_a_link(root: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(root)
    assert len(Dataset.load(tmp_path / "link")) == 4


@pytest.mark.recordings
def test_real_sets_load(recordings_dir: Path) -> None:
    esc10 = Dataset.load(recordings_dir / "esc10", fold="fold")
    assert (len(esc10), len(esc10.classes), esc10.task) == (400, 10, "classify")
    motor = Dataset.load(recordings_dir / "motor", group="throttle_pct")
    assert (len(motor), motor.task, len(set(motor.groups))) == (116, "regress", 7)
