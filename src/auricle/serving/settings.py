"""Settings of the server with defaults and bounds, read from flags, environment variables and a TOML file."""

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
"""Prefix of environment variables, as in ``AURICLE_SERVE_PORT``."""

_TABLE: Final = "serve"
_FLAC_SAMPLE_BYTES: Final = 3

Seconds = Annotated[float, Field(gt=0, le=86_400 * 3650)]
Count = Annotated[int, Field(ge=1)]


class Settings(BaseModel):
    """All settings of the server."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = Field("127.0.0.1", description="address to listen on")
    port: Annotated[int, Field(ge=0, le=65_535)] = Field(8000, description="port to listen on; 0 for any free one")
    workers: Annotated[int, Field(ge=1, le=64)] = Field(1, description="server processes that share the port")
    insecure: bool = Field(False, description="serve other machines without keys")  # noqa: FBT003
    trusted_hosts: tuple[str, ...] = Field(
        (), description="accepted Host headers; empty accepts any, or on loopback only its own names"
    )
    origins: tuple[str, ...] = Field(
        (), description="other origins whose pages may call (CORS), such as https://example.org"
    )
    trusted_proxies: tuple[str, ...] = Field(
        (),
        description="addresses of proxies whose X-Forwarded-For and X-Forwarded-Proto are trusted; without keys and "
        "without them, what a proxy sends on is refused",
    )

    max_body_bytes: Count = Field(25_000_000, description="most bytes of a request's body")
    max_bodies_bytes: Count = Field(
        500_000_000, description="most bytes of all bodies, decoded sounds and streams at a time, per process"
    )
    max_sound_s: Seconds = Field(600.0, description="most seconds of a sound")
    max_samples: Count = Field(60_000_000, description="most samples of a sound, of all channels together")
    min_rate_hz: Count = Field(4_000, description="lowest sample rate")
    max_rate_hz: Count = Field(384_000, description="highest sample rate")
    max_channels: Annotated[int, Field(ge=1, le=32)] = Field(8, description="most channels; they are mixed to one")
    max_expansion: Count = Field(4_000, description="most bytes of decoded samples per byte of the file")
    decoders: Annotated[int, Field(ge=1, le=64)] = Field(2, description="decoding processes per server process")
    decode_s: Seconds = Field(10.0, description="seconds to decode a sound before its process is killed")
    decode_jobs: Count = Field(200, description="sounds after which a decoding process is replaced")
    decode_memory_mb: Annotated[int, Field(ge=64)] = Field(512, description="MiB of memory to decode a sound")

    max_windows: Count = Field(20_000, description="most windows of a sound, whatever hop is asked for")
    max_windows_admin: Count = Field(200_000, description="the same for keys with the scope admin")
    max_predict_s: Seconds = Field(
        60.0, description="most seconds of work on a sound; what is expected to take half of them is refused"
    )
    max_reply_bytes: Count = Field(1_000_000, description="most bytes of a reply, and of a prediction in the store")
    long_s: Seconds = Field(
        30.0, description="seconds from which a sound is long; long sounds are handled one at a time, beside the others"
    )
    max_long: Count = Field(4, description="long sounds in flight before further ones are refused")
    threads: Annotated[int, Field(ge=1, le=256)] = Field(
        2, description="sounds that a process handles in parallel; to use more cores, raise `workers` instead"
    )
    max_waiting: Count = Field(64, description="sounds in flight beyond `threads` before further ones are refused")
    max_wait_s: Seconds = Field(0.5, description="expected seconds of waiting above which sounds are refused")
    max_connections: Count = Field(1_000, description="most connections per process")
    header_s: Seconds = Field(10.0, description="seconds within which a request's head must arrive")
    min_body_bytes_s: Count = Field(1_000, description="least bytes per second of a body")
    keep_alive_s: Seconds = Field(15.0, description="seconds that an idle connection stays open")
    drain_s: Seconds = Field(30.0, description="seconds to finish requests in flight at shutdown")

    rate_per_s: Seconds = Field(100.0, description="sustained requests per second of a key")
    rate_burst: Count = Field(200, description="requests of a key in a burst")
    failures_per_min: Count = Field(20, description="failed keys per minute from an address before it is slowed down")
    key_cache_s: Annotated[float, Field(gt=0, le=5)] = Field(2.0, description="seconds until a revoked key is refused")

    max_streams: Count = Field(32, description="most WebSocket streams at a time, of all processes")
    max_streams_per_key: Count = Field(4, description="most WebSocket streams at a time per key")
    stream_message_bytes: Count = Field(1_000_000, description="most bytes of a WebSocket message")
    stream_cut_s: Seconds = Field(60.0, description="seconds of a stream per entry of the log")
    stream_idle_s: Seconds = Field(30.0, description="seconds without sound after which a stream is closed")
    stream_total_s: Seconds = Field(86_400.0, description="most seconds of a stream")

    model_poll_s: Seconds = Field(2.0, description="seconds between checks for a new champion")
    patience_s: Seconds = Field(5.0, description="seconds to wait for the store's lock or server")
    answer_s: Seconds = Field(10.0, description="seconds to wait for PostgreSQL's answer before a request fails")
    commit_s: Seconds = Field(
        10.0, description="seconds to wait for a prediction to be committed before the request fails"
    )
    max_pending: Count = Field(256, description="predictions that wait to be committed before further ones are refused")
    keep_audio: Literal["none", "review", "all"] = Field(
        "review", description="sounds to keep: none, those worth labelling (review), or all"
    )
    keep_review_s: Seconds = Field(120.0, description="most seconds of a sound that is kept")
    keep_days: Annotated[float, Field(gt=0, le=36_500)] | None = Field(None, description="days that entries are kept")
    keep_mb: Count | None = Field(None, description="most megabytes of the log")

    @field_validator("trusted_hosts", "origins", "trusted_proxies", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return tuple(value) if isinstance(value, list) else value

    def decode_limits(self) -> DecodeLimits:
        """Return the limits of the decoding processes."""
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

    def may_keep_sound(self, n_samples: int, rate_hz: int) -> bool:
        """Return whether a sound of this length may be kept; as FLAC it is never larger than a body may be."""
        return (
            self.keep_audio != "none"
            and n_samples <= self.keep_review_s * rate_hz
            and _FLAC_SAMPLE_BYTES * n_samples <= self.max_body_bytes
        )

    def retention(self) -> RetentionPolicy:
        """Return the retention policy of the store."""
        return RetentionPolicy(
            age_s=None if self.keep_days is None else self.keep_days * 86_400,
            size_bytes=None if self.keep_mb is None else self.keep_mb * 1_000_000,
        )


def read_settings(
    flags: Mapping[str, Any], *, environment: Mapping[str, str] | None = None, file: Path | None = None
) -> Settings:
    """Merge settings: flags over environment over file over defaults.

    Parameters
    ----------
    flags : mapping
        Flags of the command line by setting; None if not given.
    environment : mapping, optional
        Variables; those that begin with ``AURICLE_SERVE_`` are read.
    file : Path, optional
        TOML file with a table ``[serve]``.

    Raises
    ------
    UsageError : the file cannot be read, a setting is unknown, or its value is invalid
    """
    read: dict[str, tuple[str, Any]] = {}
    if file is not None:
        read |= {name: (f"{file}: `{name}`", value) for name, value in _read_toml(file).items()}
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


def _read_toml(file: Path) -> dict[str, Any]:
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8")).get(_TABLE, {})
    except OSError as error:
        raise UsageError(f"{file}: the settings must be readable: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{file}: the settings must be TOML. {error}.") from error
    if not isinstance(table, dict):
        raise UsageError(f"{file}: `{_TABLE}` must be a table of settings.")
    return table
