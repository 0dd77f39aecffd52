"""The table of periodic jobs, and the loop of the one process that runs them."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import text

from marketplace import accuracy_steps
from marketplace.db import db
from marketplace.pipeline import deliver, dispatch, refit, settle, sweep

log = logging.getLogger(__name__)
_LOCK = 7_233_001  # advisory lock of the schedule: however many processes run it, one at a time does


@dataclass(frozen=True)
class Periodic:
    """A function that looks for rows that are due and handles or enqueues them; it may run at any time, twice too."""

    name: str
    every_seconds: int
    function: Callable[[], None]


PERIODIC = (
    Periodic("expire leases", 5, dispatch.expire_leases),
    Periodic("retry callbacks", 5, deliver.enqueue_due),
    Periodic("sweep the pipeline", 15, sweep.enqueue_forgotten),
    Periodic("refit projects", 60, refit.enqueue_due),
    Periodic("take steps of accuracy", 300, accuracy_steps.take_due),
    Periodic("release holds", 60, settle.release_due_holds),
    Periodic("resume payouts", 30, settle.resume_payouts),
)


def run_forever(*, ticks: int | None = None) -> None:
    """Run each job when it is due; one that fails is logged and tried again at its next turn."""
    due = {job.name: 0.0 for job in PERIODIC}
    tick = 0
    while ticks is None or tick < ticks:
        tick += 1
        for job in PERIODIC:
            if time.monotonic() >= due[job.name]:
                due[job.name] = time.monotonic() + job.every_seconds
                run_once(job)
        time.sleep(1)


def run_once(job: Periodic) -> None:
    with db.engine.connect() as connection:
        if not connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": _LOCK}):
            return
        connection.commit()  # the lock is the session's; an open transaction would hold back vacuum
        try:
            job.function()
        except Exception:  # one bad row must not stop the clock for all the others
            log.exception("periodic job failed", extra={"job": job.name})
        finally:
            db.session.remove()
            connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": _LOCK})
