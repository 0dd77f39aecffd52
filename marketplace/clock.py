"""The one place that reads the wall clock."""

from datetime import UTC, date, datetime


def utc_now() -> datetime:
    return datetime.now(UTC)


def day_of(moment: datetime) -> date:
    """The day that a cap counts by, wherever the labeler lives."""
    return moment.astimezone(UTC).date()
