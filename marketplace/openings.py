"""What there is for a labeler to claim, and why there is nothing: read-only beside the claim, by the same rules."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select, text

from marketplace import eligibility, slots, unmet
from marketplace.clock import day_of, utc_now
from marketplace.db import db
from marketplace.models import Labeler, Qualification
from marketplace.slots import Wish
from marketplace.unmet import Closed
from payouts import pricing
from routing.qualification import Access, Resolved, resolve
from routing.skill import Skill

OPEN_COUNTED_MAX = 100
OFFERS_MAX = 200
NOTHING = "There is no open task for you now. New ones appear as soon as customers send them."


@dataclass(frozen=True)
class NoWork:
    """Why a claim got nothing; `until` is when that may change, if that is known."""

    code: str
    text: str
    until: datetime | None = None
    closed: Sequence[Closed] = ()  # work that is there, but not for her


# What there is


@dataclass(frozen=True)
class Offer:
    """A lane that has work for this labeler."""

    lane: int
    project_id: str
    project_name: str
    task_type: str
    hourly_cents: int
    pay_cents: int  # of its first subtask
    effort_seconds: int
    open: int  # wanted answers, counted to OPEN_COUNTED_MAX
    reserved_until: datetime | None  # one of them is offered to her first
    simulated: bool
    resolved: Resolved
    accuracy: float | None  # measured; none without evidence

    @property
    def qualified(self) -> bool:
        return self.resolved.access is Access.OPEN


_OFFERS = f"""
SELECT lane.id, project.id AS project_id, project.name, project.simulated, lane.task_type, first.pay_cents,
       first.effort_seconds, many.open, mine.reserved_until, {eligibility.FACTS}
FROM labeler me CROSS JOIN lane {eligibility.JOINS}
LEFT JOIN standing ON standing.labeler_id = me.id AND standing.lane_id = lane.id
CROSS JOIN LATERAL (
    SELECT t.pay_cents, t.effort_seconds FROM slot s JOIN subtask t ON t.id = s.subtask_id
    WHERE s.lane_id = lane.id AND s.state = 'open' AND {slots.FREE} AND {slots.UNSEEN}
    ORDER BY s.rank, s.id LIMIT 1
) first
CROSS JOIN LATERAL (
    SELECT count(*) AS open FROM (
        SELECT 1 FROM slot s WHERE s.lane_id = lane.id AND s.state = 'open' AND {slots.FREE} AND {slots.UNSEEN}
        LIMIT %(counted)s
    ) found
) many
LEFT JOIN LATERAL (
    SELECT max(s.reserved_until) AS reserved_until FROM slot s
    WHERE s.reserved_for = %(me)s AND s.lane_id = lane.id AND s.state = 'open' AND s.reserved_until > %(now)s
      AND {slots.UNSEEN}
) mine ON true
WHERE me.id = %(me)s AND NOT lane.paused AND {slots.UNDER_CAP} ORDER BY lane.id LIMIT %(lanes)s
"""  # noqa: S608  (our own words only)


def offers(labeler: Labeler, now: datetime | None = None) -> list[Offer]:
    """The lanes with work that this labeler has not seen, those too that she is not qualified for."""
    now = now or utc_now()
    values = {"me": labeler.id, "counted": OPEN_COUNTED_MAX, "lanes": OFFERS_MAX, "now": now, "today": day_of(now)}
    return [_offer(row, now) for row in db.session.execute(text(slots.for_session(_OFFERS)), values)]


def _offer(row: Any, now: datetime) -> Offer:
    accuracy = None if row.alpha is None else Skill(row.alpha, row.beta, row.updated_at).at(now).mean
    return Offer(
        lane=row.id,
        project_id=row.project_id,
        project_name=row.name,
        task_type=row.task_type,
        hourly_cents=pricing.hourly_cents(row.pay_cents, row.effort_seconds) or 0,
        pay_cents=row.pay_cents,
        effort_seconds=row.effort_seconds,
        open=row.open,
        reserved_until=row.reserved_until,
        simulated=row.simulated,
        resolved=resolve(eligibility.rule_of(row), eligibility.record_of(row)),
        accuracy=accuracy,
    )


# Why there is nothing


def restricted(labeler: Labeler) -> NoWork:
    until = labeler.restricted_until
    ends = f" until {until:%Y-%m-%d %H:%M} UTC" if until else ""
    why = f" {labeler.restriction_reason}" if labeler.restriction_reason else ""
    return NoWork(
        "restricted", f"An operator has restricted your account{ends}; there is nothing new to claim.{why}", until
    )


_WHY = f"""
SELECT count(*) AS lanes, count(*) FILTER (WHERE NOT qualifies) AS closed,
       count(*) FILTER (WHERE qualifies AND lane.paused) AS paused,
       bool_or(NOT under_cap AND open.free) FILTER (WHERE qualifies AND NOT lane.paused) AS capped,
       bool_or(open.any) FILTER (WHERE qualifies AND NOT lane.paused) AS all_seen,
       min(least(held.until, offered.until)) FILTER (WHERE qualifies AND under_cap AND NOT lane.paused) AS held_until
FROM (
    SELECT lane.*, {eligibility.OPEN} IS TRUE AS qualifies, {slots.UNDER_CAP} AS under_cap
    FROM labeler me CROSS JOIN lane {eligibility.JOINS}
    LEFT JOIN standing ON standing.labeler_id = me.id AND standing.lane_id = lane.id
    WHERE me.id = %(me)s {{filters}}
) lane
LEFT JOIN LATERAL (
    SELECT EXISTS (SELECT FROM slot s WHERE s.lane_id = lane.id AND s.state = 'open') AS any,
           EXISTS (SELECT FROM slot s WHERE s.lane_id = lane.id AND s.state = 'open' AND {slots.UNSEEN}) AS free
) open ON true
LEFT JOIN LATERAL (
    SELECT min(s.lease_expires_at) AS until FROM slot s
    WHERE s.lane_id = lane.id AND s.state = 'leased' AND {slots.UNSEEN}
) held ON true
LEFT JOIN LATERAL (
    SELECT min(s.reserved_until) AS until FROM slot s
    WHERE s.lane_id = lane.id AND s.state = 'open' AND s.reserved_for <> %(me)s AND s.reserved_until > %(now)s
      AND {slots.UNSEEN}
) offered ON true
"""  # noqa: S608  (our own words only)


def why_nothing(labeler_id: str, wish: Wish, now: datetime) -> NoWork:
    values = {"me": labeler_id, "now": now, "today": day_of(now), **wish.values}
    row = db.session.execute(slots.with_filters(_WHY, *wish.key), values).one()
    if not row.lanes:
        return _why_no_lane(labeler_id, wish)
    closed = unmet.closed_lanes(labeler_id, wish) if row.closed else []
    if closed and row.lanes == row.closed:
        return _why_closed(closed)
    return replace(_why_open(row, now), closed=[one for one in closed if one.has_work])


def _why_no_lane(labeler_id: str, wish: Wish) -> NoWork:
    """No project has any such work, now or before; who may not do it is told that first."""
    may = set(db.session.scalars(select(Qualification.task_type).where(Qualification.labeler_id == labeler_id)))
    wanted = set(wish.types or ())
    if not may or (wanted and not wanted & may):
        kind = f" {', '.join(sorted(wanted))}" if wanted else " this kind of"
        return NoWork("not_qualified", f"You are not qualified for{kind} work yet; ask for it on your work page.")
    return NoWork("no_work", NOTHING)


def _why_closed(closed: Sequence[Closed]) -> NoWork:
    """All of it is closed to her: what is nearest is named with what is missing there."""
    nearest = closed[0]
    code = "trial" if nearest.resolved.access is Access.TRIAL else "not_qualified"
    text_ = f"{nearest.project}: {nearest.text} Your work page says what you can do about it."
    return NoWork(code, text_, closed=closed)


def _why_open(row: Any, now: datetime) -> NoWork:
    if row.held_until is not None:
        text_ = (
            "Others hold all that is left for you, or it is offered to them first. "
            f"The first of it may be free at {row.held_until:%H:%M} UTC."
        )
        return NoWork("all_held", text_, row.held_until)
    if row.capped:
        tomorrow = datetime.combine(day_of(now) + timedelta(days=1), datetime.min.time(), UTC)
        text_ = "You have given as many answers as one labeler may give here in a day; there is more at 00:00 UTC."
        return NoWork("capped", text_, tomorrow)
    if row.all_seen:
        return NoWork("seen_all", "You have answered or skipped all that is open here; the rest is for others.")
    if row.paused:
        return NoWork("paused", "The work that is left for you is paused; an operator will open it again.")
    return NoWork("no_work", NOTHING)
