"""Every setting of the server in one table: flag > environment > TOML file > default."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from auricle.errors import UsageError
from auricle.serving.decoder.messages import DecodeLimits
from auricle.store.predictions.retention import RetentionPolicy

__all__ = ["PREFIX", "Settings", "read_settings"]

PREFIX: Final = "AURICLE_SERVE_"
"""What the names of settings in the environment begin with: ``AURICLE_SERVE_PORT``."""

_TABLE: Final = "serve"

Seconds = Annotated[float, Field(gt=0, le=86_400 * 3650)]
Count = Annotated[int, Field(ge=1)]


class Settings(BaseModel):
    """What the server listens on, what it takes, and from whom."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = Field("127.0.0.1", description="address to listen on")
    port: Annotated[int, Field(ge=0, le=65_535)] = Field(8000, description="port to listen on; 0 for any free one")
    workers: Annotated[int, Field(ge=1, le=64)] = Field(1, description="server processes that share the port")
    insecure: bool = Field(False, description="serve other machines without keys")  # noqa: FBT003
    trusted_hosts: tuple[str, ...] = Field(
        (), description="names that a request's Host may have; none for any, or on loopback for its own names"
    )
    origins: tuple[str, ...] = Field(
        (), description="pages of other origins that may call, such as https://example.org"
    )
    trusted_proxies: tuple[str, ...] = Field(
        (), description="addresses of proxies whose X-Forwarded-For and X-Forwarded-Proto are believed"
    )

    max_body_bytes: Count = Field(25_000_000, description="bytes of one request's body")
    max_bodies_bytes: Count = Field(500_000_000, description="bytes of all bodies at a time, of one process")
    max_sound_s: Seconds = Field(600.0, description="seconds of one sound")
    max_samples: Count = Field(60_000_000, description="samples of one sound, of all channels together")
    min_rate_hz: Count = Field(4_000, description="lowest sample rate")
    max_rate_hz: Count = Field(384_000, description="highest sample rate")
    max_channels: Annotated[int, Field(ge=1, le=32)] = Field(8, description="channels, which are mixed to one")
    max_expansion: Count = Field(4_000, description="bytes that one byte of a file may become when it is decoded")
    decoders: Annotated[int, Field(ge=1, le=64)] = Field(2, description="processes that decode, of one server process")
    decode_s: Seconds = Field(10.0, description="seconds to decode one sound in, before its process is killed")
    decode_jobs: Count = Field(200, description="sounds after which a decoding process is replaced")
    decode_memory_mb: Annotated[int, Field(ge=64)] = Field(512, description="memory to decode one sound in")

    threads: Annotated[int, Field(ge=1, le=256)] = Field(
        2, description="sounds that one process has in work; more only wait for each other, `workers` do not"
    )
    max_waiting: Count = Field(64, description="sounds inside beyond those in work, before others are turned away")
    max_wait_s: Seconds = Field(0.5, description="seconds that an answer would take, before others are turned away")
    max_connections: Count = Field(1_000, description="connections to one process")
    header_s: Seconds = Field(10.0, description="seconds within which a request's head must be there")
    min_body_bytes_s: Count = Field(1_000, description="bytes a second that a body must come with")
    keep_alive_s: Seconds = Field(15.0, description="seconds that an idle connection stays open")
    drain_s: Seconds = Field(30.0, description="seconds to finish what was begun, when told to stop")

    rate_per_s: Seconds = Field(100.0, description="requests a second of one key, over time")
    rate_burst: Count = Field(200, description="requests of one key at once")
    failures_per_min: Count = Field(20, description="failed keys a minute from one address, before it is slowed down")
    key_cache_s: Annotated[float, Field(gt=0, le=5)] = Field(2.0, description="seconds until a revoked key is out")

    max_streams: Count = Field(32, description="WebSocket streams at a time, of all processes")
    max_streams_per_key: Count = Field(4, description="WebSocket streams at a time of one key")
    stream_message_bytes: Count = Field(1_000_000, description="bytes of one WebSocket message")
    stream_cut_s: Seconds = Field(60.0, description="seconds of a stream that become one entry of the log")
    stream_idle_s: Seconds = Field(30.0, description="seconds without sound after which a stream is closed")
    stream_total_s: Seconds = Field(86_400.0, description="seconds after which any stream is closed")

    model_poll_s: Seconds = Field(2.0, description="seconds between looks at which model is the champion")
    patience_s: Seconds = Field(5.0, description="seconds to wait for the store's lock or server")
    commit_s: Seconds = Field(10.0, description="seconds to wait for an answer to be kept, before it is given up")
    max_pending: Count = Field(256, description="answers that wait to be kept, before others are turned away")
    keep_audio: Literal["none", "review", "all"] = Field(
        "review", description="sounds that are kept: none, those worth labelling, or all"
    )
    keep_review_s: Seconds = Field(120.0, description="seconds of the longest sound that is kept for labelling")
    keep_days: Annotated[float, Field(gt=0, le=36_500)] | None = Field(None, description="days that entries are kept")
    keep_mb: Count | None = Field(None, description="megabytes that the log may take")

    @field_validator("trusted_hosts", "origins", "trusted_proxies", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return tuple(value) if isinstance(value, list) else value

    def decoding(self) -> DecodeLimits:
        """Return what the decoding processes are told."""
        return DecodeLimits(
            max_s=self.max_sound_s,
            max_samples=self.max_samples,
            min_rate_hz=self.min_rate_hz,
            max_rate_hz=self.max_rate_hz,
            max_channels=self.max_channels,
            max_expansion=self.max_expansion,
            wall_s=self.decode_s,
            max_jobs=self.decode_jobs,
            memory_bytes=self.decode_memory_mb << 20,
        )

    def may_keep_sound(self, duration_s: float) -> bool:
        """Return whether any sound of this length is kept."""
        return self.keep_audio != "none" and duration_s <= self.keep_review_s

    def keep(self) -> RetentionPolicy:
        """Return what the store is told to keep."""
        return RetentionPolicy(
            age_s=None if self.keep_days is None else self.keep_days * 86_400,
            size_bytes=None if self.keep_mb is None else self.keep_mb * 1_000_000,
        )


def read_settings(
    flags: Mapping[str, Any], *, environment: Mapping[str, str] | None = None, file: Path | None = None
) -> Settings:
    """Put the settings together.

    Parameters
    ----------
    flags : those of the command line, by name; None for those that were not given
    environment : variables, of which those count that begin with ``AURICLE_SERVE_``
    file : a TOML file with a table ``[serve]``

    Raises
    ------
    UsageError : the file cannot be read, a setting is unknown, or its value is none that it can have
    """
    read: dict[str, tuple[str, Any]] = {}
    if file is not None:
        read |= {name: (f"{file}: `{name}`", value) for name, value in _of_file(file).items()}
    for variable, text in (environment or {}).items():
        if variable.startswith(PREFIX):
            read[variable.removeprefix(PREFIX).lower()] = (variable, text)
    read |= {name: (f"`{name}`", value) for name, value in flags.items() if value is not None}
    for name, (where, _) in read.items():
        if name not in Settings.model_fields:
            raise UsageError(f"{where}: a setting must be one of {', '.join(Settings.model_fields)}.")
    try:
        return Settings.model_validate({name: value for name, (_, value) in read.items()})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where, value = read[str(first["loc"][0])]
        message = first["msg"][0].lower() + first["msg"][1:]
        raise UsageError(f"{where}: {message}. Got {value!r}.") from error


def _of_file(file: Path) -> dict[str, Any]:
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8")).get(_TABLE, {})
    except OSError as error:
        raise UsageError(f"{file}: the settings must be readable: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{file}: the settings must be TOML. {error}.") from error
    if not isinstance(table, dict):
        raise UsageError(f"{file}: `{_TABLE}` must be a table of settings.")
    return table
