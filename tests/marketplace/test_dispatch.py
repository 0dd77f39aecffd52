"""Claims: who gets what, what a null says, and what becomes of a lease."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask

from marketplace.clock import utc_now
from marketplace.db import db, transaction
from marketplace.models import AssignmentState
from marketplace.pipeline import dispatch
from tests.marketplace import labeling_world
from tests.marketplace.labeling_world import Yard, subtask_of


@pytest.fixture
def yard(app: Flask, run_jobs: Callable[[], None]) -> Yard:
    return labeling_world.build(app, run_jobs)


def test_a_claim_leases_the_head_and_starts_the_task(yard: Yard) -> None:
    task = yard.send()[0]
    ana = yard.hire(1)[0]
    now = utc_now()
    with transaction():
        claim = dispatch.claim_next(ana, now=now)
        assert claim.assignment is not None and claim.reason is None
        assert claim.assignment.subtask_id == subtask_of(task).id
        assert claim.assignment.state is AssignmentState.CLAIMED
        assert claim.assignment.epoch == 1
        assert claim.assignment.lease_expires_at == now + timedelta(seconds=600)
    db.session.refresh(task)
    assert task.work_started
