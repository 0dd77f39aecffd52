"""Settings from the environment: typed, frozen, every missing or malformed variable named at once."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from pathlib import Path


class ConfigError(Exception):
    """The environment lacks or mangles the variables named in the message."""


class LogLevel(StrEnum):
    INFO = "info"  # every event with its ids
    WARNING = "warning"


@dataclass(frozen=True)
class Settings:
    """What the program needs to know about its surroundings; the field's name in capitals is the variable's name."""

    database_url: str
    migrations_database_url: str  # the owner's connection; the same as database_url where one role does both
    redis_url: str
    secret_key: str  # signs sessions, CSRF tokens and media links; changing it signs everybody out
    data_dir: Path
    storage_url: str
    base_url: str  # how customers and labelers reach us: links in callbacks and deliverables start with it
    demo: bool = False
    fetch_allow_private: bool = False  # attachments from private and loopback addresses (SSRF); off by default
    callback_allow_private: bool = False
    fetch_max_bytes: int = 256 * 1024 * 1024
    fetch_timeout_seconds: int = 60
    upload_max_bytes: int = 80 * 1024 * 1024
    frame_points_max: int = 1_000_000
    frames_max: int = 6_000
    fee_percent: int = 25  # Labelyard's fee on top of the labelers' pay
    hourly_rate_cents: int = 1_800  # what an hour of expected effort pays where the project does not say
    hold_hours: int = 72  # how long an earning waits before it can be paid out
    rate_limit_api: str = "600 per minute"
    rate_limit_signin: str = "10 per minute"
    rate_limit_account: str = "20 per 15 minutes"
    rate_limit_labeler: str = "3000 per minute"  # per labeler, as each web process counts for itself
    rate_limit_wrong_tokens: str = "60 per minute"  # per address, of `/labeler`, counted so too
    session_days: int = 14
    database_pool_size: int = 8
    stripe_api_key: str = ""
    stripe_webhook_secret: str = ""
    stripe_api_base: str = ""  # another address for Stripe's API, as the tests' fake has
    secure_cookies: bool = False
    log_level: LogLevel = LogLevel.WARNING
    proxies: int = 0  # how many of our own stand before us: callers' addresses are read behind so many

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> "Settings":
        """Read every field from the environment; raises ConfigError that names all that is missing or malformed."""
        environ = os.environ if environ is None else environ
        values: dict[str, object] = {}
        wrong: list[str] = []
        for field in fields(cls):
            name = field.name.upper()
            text = environ.get(name)
            if text is None:
                continue
            try:
                values[field.name] = _parse(field.type, text)
            except ValueError as error:
                wrong.append(f"{name}: {error}")
        data_dir = Path(str(values.get("data_dir", "var"))).resolve()
        values["data_dir"] = data_dir
        values.setdefault("storage_url", f"file://{data_dir / 'storage'}")
        values.setdefault("base_url", "http://127.0.0.1:8000")
        if "database_url" in values:
            values.setdefault("migrations_database_url", values["database_url"])
        required = ("database_url", "redis_url", "secret_key")
        wrong += [f"{name.upper()}: is missing" for name in required if name not in values]
        if wrong:
            raise ConfigError("; ".join(wrong))
        return cls(**values)  # type: ignore[arg-type]


def _parse(kind: object, text: str) -> object:
    if kind is bool:
        if text.lower() not in {"1", "0", "true", "false", "yes", "no"}:
            raise ValueError(f"{text!r} is not true or false")
        return text.lower() in {"1", "true", "yes"}
    if kind is int:
        return int(text)
    if kind is Path:
        return Path(text)
    if kind is LogLevel:
        return LogLevel(text.lower())
    return text
