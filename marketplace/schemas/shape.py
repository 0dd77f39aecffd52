"""Reading input by a marshmallow schema, with errors in the contract's words and as paths."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from marshmallow import Schema, ValidationError, fields

from marketplace.errors import InvalidInput

REQUIRED = "Missing data for required field."


def read(schema: Schema, data: Mapping[str, Any], *, inside: str = "") -> dict[str, Any]:
    """What the schema makes of the data; raises InvalidInput that names the first thing wrong."""
    try:
        return dict(schema.load(data))
    except ValidationError as error:
        raise wrong(error, inside) from error


def wrong(error: ValidationError, inside: str = "") -> InvalidInput:
    """The first thing that a schema or a field found wrong, with its path."""
    path, message = _first(error.messages)
    return invalid(".".join(part for part in (inside, path) if part).replace(".[", "["), message)


def invalid(path: str, message: str) -> InvalidInput:
    if message == REQUIRED:
        return InvalidInput(f'Parameter is invalid, reason: "{path}" is required', path)
    return InvalidInput(f'Parameter is invalid, reason: "{path}": {message}', path)


def _first(messages: Any) -> tuple[str, str]:
    """The first path and message in marshmallow's tree of errors: `labels[2].choice`."""
    path = ""
    while isinstance(messages, dict) and messages:
        key, messages = next(iter(messages.items()))
        if isinstance(key, int):
            path += f"[{key}]"
        elif key not in {"_schema", "value"}:
            path += f".{key}" if path else str(key)
    message = messages[0] if isinstance(messages, list) and messages else messages
    return path, str(message)


class Moment(fields.Field[datetime]):
    """A date or time in any of the forms that clients send; without a zone it is UTC."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> datetime:
        try:
            moment = datetime.fromisoformat(str(value))
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
        except (ValueError, OverflowError) as error:
            raise ValidationError("Not a date or time, as 2026-11-24 or 2026-11-24T15:00:00Z.") from error


class Time(fields.DateTime):
    """A time as the contract writes it: UTC with milliseconds and a Z."""

    def _serialize(self, value: Any, attr: str | None, obj: Any, **_: Any) -> str | None:
        return None if value is None else f"{value:%Y-%m-%dT%H:%M:%S}.{value.microsecond // 1000:03d}Z"
