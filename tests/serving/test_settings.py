import re
from pathlib import Path

import pytest

from auricle.errors import UsageError
from auricle.serving.settings import PREFIX, Settings, read_settings

DOCS = (Path(__file__).resolve().parents[2] / "docs" / "serving.md").read_text(encoding="utf-8")


def test_precedence_is_flag_environment_file_default(tmp_path: Path) -> None:
    file = tmp_path / "auricle.toml"
    file.write_text('[serve]\nport = 1\nworkers = 2\nrate_burst = 3\norigins = ["https://a.example"]\n[other]\nx = 1\n')
    environment = {f"{PREFIX}PORT": "4", f"{PREFIX}WORKERS": "5", "AURICLE_KEY": "x", "PATH": "y"}
    settings = read_settings({"port": 6, "host": None}, environment=environment, file=file)
    assert (settings.port, settings.workers, settings.rate_burst, settings.host) == (6, 5, 3, "127.0.0.1")
    assert settings.origins == ("https://a.example",)
    assert read_settings({}, environment={f"{PREFIX}ORIGINS": "a, b"}).origins == ("a", "b")


@pytest.mark.parametrize(
    ("flags", "environment", "text", "message"),
    [
        ({"prot": 1}, {}, "", "`prot`: a setting must be one of host, port"),
        ({}, {f"{PREFIX}PROT": "1"}, "", f"{PREFIX}PROT: a setting must be one of"),
        ({}, {}, "[serve]\nprot = 1", "auricle.toml: `prot`: a setting must be one of"),
        ({"port": 70_000}, {}, "", "`port`: input should be less than or equal to 65535. Got 70000"),
        ({}, {f"{PREFIX}PORT": "x"}, "", f"{PREFIX}PORT: input should be a valid integer"),
        ({}, {}, "serve = 1", "`serve` must be a table"),
        ({}, {}, "[serve", "must be TOML"),
        ({"max_sound_s": "nan"}, {}, "", "`max_sound_s`: input should be"),
        ({"keep_audio": "some"}, {}, "", "`keep_audio`: input should be 'none', 'review' or 'all'"),
        ({"key_cache_s": 6}, {}, "", "less than or equal to 5"),
    ],
)
def test_invalid_settings_are_refused(
    tmp_path: Path, flags: dict[str, object], environment: dict[str, str], text: str, message: str
) -> None:
    file = tmp_path / "auricle.toml"
    file.write_text(text)
    with pytest.raises(UsageError, match=re.escape(message)):
        read_settings(flags, environment=environment, file=file)


def test_a_missing_settings_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="must be readable: No such file"):
        read_settings({}, file=tmp_path / "nothing.toml")


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_is_documented(name: str) -> None:
    field = Settings.model_fields[name]
    default = "" if field.default is None else field.default
    row = re.search(rf"^\| `{name}` \| (.*?) \| (.*?) \|$", DOCS, re.MULTILINE)
    assert row, f"docs/serving.md must list `{name}`: {field.description}"
    assert row[2] == field.description
    default_text = row[1].strip("` ")
    assert default_text == (
        "" if default in ((), "") else str(default).lower() if isinstance(default, bool) else str(default)
    )
