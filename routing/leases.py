"""How long a lease lasts."""

from datetime import datetime, timedelta

LEASE_SECONDS_MIN = 10 * 60
LEASE_SECONDS_MAX = 8 * 3600
EFFORT_FACTOR = 3  # a careful newcomer takes three times the expected effort


def lease_seconds(effort_seconds: int) -> int:
    """A lease in proportion to the work, not one fixed time for all: too short loses work, too long blocks the slot."""
    return max(LEASE_SECONDS_MIN, min(LEASE_SECONDS_MAX, EFFORT_FACTOR * effort_seconds))


def expires_at(effort_seconds: int, now: datetime) -> datetime:
    """The end of a lease taken, or extended by a heartbeat, at `now`."""
    return now + timedelta(seconds=lease_seconds(effort_seconds))
