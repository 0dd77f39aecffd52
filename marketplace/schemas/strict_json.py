"""JSON that can be stored: no NaN, no infinity, no NUL, no lone surrogate, nothing nested without end."""

import json
import math
from typing import Any

DEPTH_MAX = 64


def parse(content: str | bytes) -> Any:
    """The value; raises ValueError with what is wrong in words."""
    try:
        value = json.loads(content, parse_constant=_refuse, parse_float=_finite)
    except RecursionError:
        raise ValueError(f"nested deeper than {DEPTH_MAX} levels") from None
    check_storable(value)
    return value


def _refuse(name: str) -> float:
    raise ValueError(f"{name} is not a number in JSON")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is too large a number")
    return number


def check_storable(value: Any) -> None:
    """Raise ValueError for what PostgreSQL could not keep or could not give back."""
    waiting = [(value, 1)]
    while waiting:
        item, depth = waiting.pop()
        if isinstance(item, str):
            _check_text(item)
        elif isinstance(item, dict | list):
            if depth > DEPTH_MAX:
                raise ValueError(f"nested deeper than {DEPTH_MAX} levels")
            inner = [*item, *item.values()] if isinstance(item, dict) else item
            waiting += [(one, depth + 1) for one in inner if isinstance(one, str | dict | list)]


def _check_text(text: str) -> None:
    if "\x00" in text:
        raise ValueError("the character NUL cannot be stored")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("half of a surrogate pair is not a character") from None
