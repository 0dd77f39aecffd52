"""How often each caller may call, counted in this process alone: for the paths that no shared counter may slow down.

The generic cell rate algorithm (ITU-T I.371): of each caller one moment is kept, that at which all calls so far would
have been earned at an even pace. So "600 per minute" is up to 600 at once, and ten more with each second.
"""

import threading

from limits import parse

CALLERS_KEPT = 10_000  # before those whose counts have run out are forgotten


class Throttle:
    def __init__(self, limit: str) -> None:
        """`limit` in words, as "600 per minute"; raises ValueError for others."""
        item = parse(limit)
        self._window_seconds = float(item.get_expiry())
        self._seconds_each = self._window_seconds / item.amount
        self._earned_at: dict[str, float] = {}
        self._kept = CALLERS_KEPT
        self._lock = threading.Lock()

    def wait_seconds(self, caller: str, now: float) -> float:
        """How long the caller has to wait before another call; 0 or less if none."""
        return self._earned_at.get(caller, now) + self._seconds_each - self._window_seconds - now

    def count(self, caller: str, now: float) -> float:
        """Count a call, if it may be made; returns the seconds to wait if not, else 0."""
        with self._lock:
            wait = self.wait_seconds(caller, now)
            if wait > 0:
                return wait
            self._earned_at[caller] = max(self._earned_at.get(caller, now), now) + self._seconds_each
            if len(self._earned_at) > self._kept:
                self._forget(now)
            return 0.0

    def _forget(self, now: float) -> None:
        self._earned_at = {caller: moment for caller, moment in self._earned_at.items() if moment > now}
        self._kept = max(CALLERS_KEPT, 2 * len(self._earned_at))
