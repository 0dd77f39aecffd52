"""The points of a frame's JSON as columns of numbers: a fast way for what is right, a careful one for what is not.

200,000 points are 12 MB of text. Arrow reads them from the text straight into columns; the careful way makes a
dictionary of every point and takes twice as long, so it is left for texts that Arrow cannot read or that are wrong.
"""

import io
import math
import re
import secrets
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.json as pj
from numpy.typing import NDArray

from marketplace.errors import InvalidInput

Columns = dict[str, NDArray[np.float64]]

REQUIRED, OPTIONAL = ("x", "y", "z"), ("i", "d")
_SCHEMA = pa.schema([(name, pa.float64()) for name in (*REQUIRED, *OPTIONAL)])
_POINTS = re.compile(rb'"points"\s*:\s*\[')
_MARK = secrets.token_hex(16)  # stands where the points were; no text can hold it by chance


def read_fast(content: bytes) -> tuple[dict[str, Any], Columns] | None:
    """The document without its points, and the points; None where only `read_carefully` can tell what is there."""
    found = _POINTS.search(content)
    stop = content.find(b"]", found.end()) if found else -1
    if found is None or stop < 0:
        return None
    try:
        document = orjson.loads(b"".join((content[: found.end() - 1], b'"', _MARK.encode(), b'"', content[stop + 1 :])))
        if not isinstance(document, dict) or document.get("points") != _MARK:
            return None  # the first "points" in the text are not the frame's own
        columns = _by_arrow(content[found.end() : stop])
    except (orjson.JSONDecodeError, pa.ArrowInvalid):
        return None
    return None if columns is None else (document, columns)


def _by_arrow(text: bytes) -> Columns | None:
    separators = text.count(b"},{") + text.count(b"}, {")
    lines = text.replace(b"},{", b"}\n{").replace(b"}, {", b"}\n{")
    table = pj.read_json(
        io.BytesIO(lines),
        read_options=pj.ReadOptions(use_threads=True, block_size=4 * 1024 * 1024),
        parse_options=pj.ParseOptions(explicit_schema=_SCHEMA, unexpected_field_behavior="ignore"),
    )
    # Arrow does not miss a comma between two points, and takes a field for absent that some points have.
    if separators != table.num_rows - 1:
        return None
    columns = {name: table[name] for name in _SCHEMA.names if table[name].null_count < table.num_rows}
    if any(column.null_count for column in columns.values()) or not columns.keys() >= set(REQUIRED):
        return None
    return {name: column.to_numpy() for name, column in columns.items()}


def read_carefully(points: Any, path: str) -> Columns:
    """The same from a parsed document; raises InvalidInput that names the point and the field."""
    if not isinstance(points, list):
        raise InvalidInput(f"{path} must be a list of points.", path)
    if not points:
        raise InvalidInput(f"{path} is empty: a frame has at least one point.", path)
    columns = {name: _column(points, name, path) for name in REQUIRED}
    for name in OPTIONAL:
        if any(point.get(name) is not None for point in points):
            columns[name] = _column([{name: 0} | _without_null(point, name) for point in points], name, path)
    return columns


def _without_null(point: dict[str, Any], name: str) -> dict[str, Any]:
    return {name: point[name]} if point.get(name) is not None else {}


def _column(points: list[Any], name: str, path: str) -> NDArray[np.float64]:
    try:
        values = [point[name] for point in points]
        if set(map(type, values)) <= {int, float}:
            return np.array(values, dtype=np.float64)
    except (KeyError, TypeError, OverflowError):
        pass
    for number, point in enumerate(points):
        here = f"{path}[{number}]"
        if not isinstance(point, dict):
            raise InvalidInput(f"{here} must be an object with x, y and z.", here)
        check_number(point.get(name), f"{here}.{name}")
    raise AssertionError("a column that is not of numbers has a value that is none")


def check_number(value: Any, path: str) -> float:
    """The value as a finite number; raises InvalidInput that says what is there instead."""
    if value is None:
        raise InvalidInput(f"{path} is missing.", path)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidInput(f"{path} must be a number, not {_kind(value)}.", path)
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise InvalidInput(f"{path} is {number}; it must be a finite number.", path)
    return number


def _kind(value: Any) -> str:
    kinds = {bool: "true or false", str: "a text", list: "a list", dict: "an object"}
    return kinds.get(type(value), type(value).__name__)
