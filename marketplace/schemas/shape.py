"""Reading input by a marshmallow schema, with errors in the contract's words and as paths."""

from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, ValidationError, fields

from marketplace.errors import InvalidInput

REQUIRED = "Missing data for required field."


def read(schema: Schema, data: Mapping[str, Any], *, inside: str = "") -> dict[str, Any]:
    """What the schema makes of the data; raises InvalidInput that names the first thing wrong."""
    try:
        return dict(schema.load(data))
    except ValidationError as error:
        path, message = _first(error.messages)
        raise invalid(f"{inside}.{path}" if inside else path, message) from error


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


class Time(fields.DateTime):
    """A time as the contract writes it: UTC with milliseconds and a Z."""

    def _serialize(self, value: Any, attr: str | None, obj: Any, **_: Any) -> str | None:
        return None if value is None else f"{value:%Y-%m-%dT%H:%M:%S}.{value.microsecond // 1000:03d}Z"
