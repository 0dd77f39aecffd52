"""What the router decided, with its numbers: written where it is decided, read by whoever explains it."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import select

from marketplace.db import db
from marketplace.models import RoutingNote


def note(kind: str, subject_id: str, **numbers: Any) -> None:
    """Keep a decision about a subtask or an assignment; numbers are rounded to what is worth reading."""
    db.session.add(RoutingNote(kind=kind, subject_id=subject_id, numbers=_rounded(numbers)))


def notes_of(subject_id: str) -> Iterator[RoutingNote]:
    """In the order in which they were written."""
    own = select(RoutingNote).where(RoutingNote.subject_id == subject_id)
    yield from db.session.scalars(own.order_by(RoutingNote.id))


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 6)
    if isinstance(value, dict):
        return {name: _rounded(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(one) for one in value]
    return value
