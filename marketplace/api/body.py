"""Reading bodies as the contract's clients send them: JSON, nothing at all, or forms with brackets in their names."""

import re
from collections.abc import Iterable
from typing import Any

from flask import request
from marshmallow import Schema, fields

from marketplace.errors import InvalidInput
from marketplace.schemas import strict_json

JSON_BYTES_MAX = 16 * 1024 * 1024
FORM_DEPTH_MAX = 8
FORM_TYPES = {"application/x-www-form-urlencoded", "multipart/form-data"}


def read_object(*schemas: Schema) -> dict[str, Any]:
    """The body as an object; empty where there is none. What a form cannot say the schemas do."""
    value = _read(schemas)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise InvalidInput("The body must be a JSON object.")
    return value


def read_list() -> list[Any]:
    """The body as a list; empty where there is none, since the SDK drops an empty one."""
    value = _read(())
    if value is None:
        return []
    if not isinstance(value, list):
        raise InvalidInput("The body must be a JSON list.")
    return value


def _read(schemas: Iterable[Schema]) -> Any:
    request.max_content_length = JSON_BYTES_MAX
    if request.mimetype == "multipart/form-data":
        return _form(request.form.items(multi=True), schemas)
    raw = request.get_data().strip()
    if not raw:
        return None
    if request.mimetype in FORM_TYPES and raw[:1] not in b"{[":  # curl -d '{...}' says form where it sends JSON
        return _form(request.form.items(multi=True), schemas)
    try:
        return strict_json.parse(raw)
    except ValueError as error:
        raise InvalidInput(f"The body is not valid JSON: {error}.") from error


# Forms


def _form(items: Iterable[tuple[str, str]], schemas: Iterable[Schema]) -> dict[str, Any]:
    """`a=1`, `list=1&list=2`, `list[]=1`, `fields[title]=x` and `examples[0][correct]=true` as one object."""
    root: dict[str, Any] = {}
    for name, value in items:
        first, *inner = re.split(r"\[", name.replace("]", ""))
        if len(inner) >= FORM_DEPTH_MAX:
            raise InvalidInput(f"{name} is nested too deep.", name)
        _put(root, first, inner, value, name)
    result = {key: _with_lists(value) for key, value in root.items()}
    known = {name: field for schema in schemas for name, field in schema.fields.items()}
    result |= {key: _typed(value, known[key]) for key, value in result.items() if key in known}
    try:
        strict_json.check_storable(result)
    except ValueError as error:
        raise InvalidInput(f"The form cannot be read: {error}.") from error
    return result


def _typed(value: Any, field: Any) -> Any:
    """A form has only texts, and cannot say that a list has one element."""
    if isinstance(field, fields.List) and isinstance(value, str):
        return [value]
    if isinstance(field, fields.Integer) and isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,9}", value):
        return int(value)
    return value


def _put(node: dict[str, Any], key: str, inner: list[str], value: str, name: str) -> None:
    key = key or str(len(node))
    if inner and inner != [""]:
        child = node.setdefault(key, {})
        if not isinstance(child, dict):
            raise InvalidInput(f"{name} is both a value and an object.", name)
        _put(child, inner[0], inner[1:], value, name)
    elif inner or key in node:
        present = node.setdefault(key, [])
        if isinstance(present, dict):
            raise InvalidInput(f"{name} is both a value and an object.", name)
        if not isinstance(present, list):
            present = node[key] = [present]
        present.append(value)
    else:
        node[key] = value


def _with_lists(value: Any) -> Any:
    """`{"0": a, "1": b}` is how a form says `[a, b]`."""
    if not isinstance(value, dict):
        return value
    inner = {key: _with_lists(one) for key, one in value.items()}
    if inner and list(inner) == [str(k) for k in range(len(inner))]:
        return list(inner.values())
    return inner
