"""Blocks: a customer chooses not to work with a labeler any more. No other customer, nor she, reads the reason."""

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert

from marketplace.clock import utc_now
from marketplace.db import db
from marketplace.errors import InvalidInput, NotFound
from marketplace.models import Assignment, AuditEvent, Block, Customer, Lane, Project, Subtask

REASON_CHARACTERS_MAX = 500


def block(customer: Customer, labeler_id: str, reason: str, *, actor_id: str) -> None:
    """Nothing more of this customer's for her; what she holds stays hers. Who is blocked already stays so.

    Raises NotFound for who has not answered anything of this customer's: nobody else can be known to it.
    """
    reason = reason.strip()
    if not 1 <= len(reason) <= REASON_CHARACTERS_MAX:
        raise InvalidInput(f"Please say why, in at most {REASON_CHARACTERS_MAX} characters.", "reason")
    if not _has_worked_for(customer, labeler_id):
        raise NotFound("No labeler with this id has worked for you.")
    row = {"customer_id": customer.id, "labeler_id": labeler_id, "reason": reason, "created_at": utc_now()}
    made = insert(Block).values(row).on_conflict_do_nothing().returning(Block.labeler_id)
    if db.session.scalar(made) is not None:
        _record(customer, labeler_id, "labeler.block", actor_id, reason=reason)


def unblock(customer: Customer, labeler_id: str, *, actor_id: str) -> None:
    """She may claim again what the rules let her."""
    gone = delete(Block).where(Block.customer_id == customer.id, Block.labeler_id == labeler_id)
    if db.session.scalar(gone.returning(Block.labeler_id)) is None:
        raise NotFound("You have not blocked a labeler with this id.")
    _record(customer, labeler_id, "labeler.unblock", actor_id)


def blocks_of(customer: Customer) -> list[Block]:
    """The newest first."""
    own = select(Block).where(Block.customer_id == customer.id)
    return list(db.session.scalars(own.order_by(Block.created_at.desc(), Block.labeler_id)))


def _has_worked_for(customer: Customer, labeler_id: str) -> bool:
    answered = (
        select(Assignment.id)
        .join(Subtask, Subtask.id == Assignment.subtask_id)
        .join(Lane, Lane.id == Subtask.lane_id)
        .join(Project, Project.id == Lane.project_id)
        .where(Assignment.labeler_id == labeler_id, Assignment.answer.is_not(None))
        .where(Project.customer_id == customer.id)
    )
    return db.session.scalar(answered.limit(1)) is not None


def _record(customer: Customer, labeler_id: str, action: str, actor_id: str, **more: str) -> None:
    details = {"customer": customer.name, "customer_id": customer.id, **more}
    db.session.add(AuditEvent(actor_id=actor_id, action=action, subject_id=labeler_id, details=details))
