"""Column types that every table shares: ids, times, enumerations stored as words."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Annotated, TypeVar

from sqlalchemy import Enum, String
from sqlalchemy.orm import mapped_column

from marketplace.clock import utc_now
from marketplace.db import UtcDateTime
from marketplace.ids import new_id

State = TypeVar("State", bound=StrEnum)

IdColumn = Annotated[str, mapped_column(String(24), primary_key=True, default=new_id)]
CreatedAt = Annotated[datetime, mapped_column(UtcDateTime, default=utc_now)]
OptionalTime = Annotated[datetime | None, mapped_column(UtcDateTime)]


def words(kind: type[StrEnum]) -> Enum:
    """An enumeration as text with a check constraint: readable in psql, and a new word needs no type migration."""
    return Enum(
        kind, native_enum=False, length=24, create_constraint=True, values_callable=lambda enum: [e.value for e in enum]
    )


class IllegalMove(Exception):
    """A state was asked to become one that its table of moves does not allow."""


def check_move(moves: Mapping[State, set[State]], old: State, new: State) -> State:
    if new not in moves.get(old, set()):
        raise IllegalMove(f"{old!s} cannot become {new!s}")
    return new
