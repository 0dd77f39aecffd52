"""How amounts, durations and times read: the filters of the templates, the same words in the API's messages."""

from collections.abc import Callable
from datetime import datetime

from marketplace.clock import utc_now


def money(cents: int, currency: str = "USD") -> str:
    """`128450` as `$1,284.50`; other currencies carry their code."""
    sign = "-" if cents < 0 else ""
    units, rest = divmod(abs(cents), 100)
    text = f"{units:,}.{rest:02d}"
    return f"{sign}${text}" if currency == "USD" else f"{sign}{text} {currency}"


def duration(seconds: float) -> str:
    """`250` as `4 min 10 s`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"


def timestamp(moment: datetime | None) -> str | None:
    """ISO 8601 in UTC with milliseconds and Z, the one form of the API."""
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z" if moment else None


def ago(moment: datetime) -> str:
    """`2 h ago` or `in 3 min`; the page shows the exact time on hover."""
    seconds = (utc_now() - moment).total_seconds()
    size = abs(seconds)
    units = ((86_400, "d"), (3_600, "h"), (60, "min"))
    text = next((f"{int(size // length)} {name}" for length, name in units if size >= length), "")
    if not text:
        return "just now"
    return f"{text} ago" if seconds > 0 else f"in {text}"


def plural(count: int, one: str, many: str | None = None) -> str:
    return f"{count:,} {one if count == 1 else many or one + 's'}"


TASK_TYPE_WORDS = {
    "lidarannotation": "Cuboids in a drive",
    "imageannotation": "Boxes in an image",
    "categorization": "Categories",
}


def task_type(name: str) -> str:
    """`lidarannotation` as people say it; a type without words keeps its name."""
    return TASK_TYPE_WORDS.get(name, name)


FILTERS: dict[str, Callable[..., object]] = {
    "money": money,
    "duration": duration,
    "timestamp": timestamp,
    "ago": ago,
    "plural": plural,
    "task_type": task_type,
}
