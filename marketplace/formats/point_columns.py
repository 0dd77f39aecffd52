"""The points of a frame's JSON as columns of numbers, and the error that names the point and the field."""

import math
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from marketplace.errors import InvalidInput

Columns = dict[str, NDArray[np.float64]]

REQUIRED, OPTIONAL = ("x", "y", "z"), ("i", "d")


def read_columns(points: Any, path: str) -> Columns:
    """x, y, z, and of i and d what is there (0 for a point without it); raises InvalidInput."""
    if not isinstance(points, list):
        raise InvalidInput(f"{path} must be a list of points.", path)
    if not points:
        raise InvalidInput(f"{path} is empty: a frame has at least one point.", path)
    try:
        columns = {name: _numbers([point[name] for point in points], name, path) for name in REQUIRED}
    except (KeyError, TypeError):
        raise _first_without(points, path) from None
    for name in OPTIONAL:
        values = [point.get(name) for point in points]
        if any(value is not None for value in values):
            columns[name] = _numbers([0 if value is None else value for value in values], name, path)
    return columns


def _first_without(points: list[Any], path: str) -> InvalidInput:
    for number, point in enumerate(points):
        here = f"{path}[{number}]"
        if not isinstance(point, dict):
            return InvalidInput(f"{here} must be an object with x, y and z.", here)
        for name in REQUIRED:
            if name not in point:
                return InvalidInput(f"{here}.{name} is missing.", f"{here}.{name}")
    raise AssertionError("one of the points lacks something")


def _numbers(values: list[Any], name: str, path: str) -> NDArray[np.float64]:
    """All at once where all are numbers; looked at one by one only to name the one that is not."""
    if set(map(type, values)) <= {int, float}:
        with suppress(OverflowError):
            return np.array(values, dtype=np.float64)
    for number, value in enumerate(values):
        check_number(value, f"{path}[{number}].{name}")
    raise AssertionError("what is not a column of numbers has a value that is none")


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
