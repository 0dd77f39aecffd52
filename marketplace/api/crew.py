"""/v1/blocks, and who has worked on a project."""

from typing import Any

from marketplace import blocks
from marketplace.api.blueprint import blueprint
from marketplace.api.projects import own_project
from marketplace.auth import current_customer
from marketplace.models import Block
from marketplace.reports import crew as found_in
from marketplace.reports.crew import Member
from marketplace.reports.listing import Wish
from marketplace.schemas.crew import BlockSchema, Choice, CrewQuery, MemberSchema, NewBlock

TAGS = ["Labelers"]


@blueprint.route("/projects/<path:name>/labelers", tags=TAGS)
@blueprint.arguments(CrewQuery, location="query")
@blueprint.response(200, MemberSchema(many=True))
def list_labelers(query: dict[str, Any], name: str) -> list[Member]:
    """List who has worked on a project, the last to answer first (ours)"""
    return found_in.crew(own_project(name), Wish(page=query["page"])).rows


@blueprint.route("/blocks", tags=TAGS)
@blueprint.response(200, BlockSchema(many=True))
def list_blocks() -> list[Block]:
    """List the labelers that you have blocked (ours)"""
    return blocks.blocks_of(current_customer())


@blueprint.route("/blocks", methods=["POST"], tags=TAGS)
@blueprint.arguments(NewBlock)
@blueprint.response(200, Choice)
def make_block(new: dict[str, Any]) -> dict[str, Any]:
    """Block a labeler (ours)

    From the next claim on she gets nothing of any project of yours. What she holds she may finish, and is paid for it.
    """
    customer = current_customer()
    blocks.block(customer, new["labeler_id"], new["reason"], actor_id=customer.id)
    return {"labeler_id": new["labeler_id"], "blocked": True}


@blueprint.route("/blocks/<labeler_id>", methods=["DELETE"], tags=TAGS)
@blueprint.response(200, Choice)
def end_block(labeler_id: str) -> dict[str, Any]:
    """End a block (ours)"""
    customer = current_customer()
    blocks.unblock(customer, labeler_id, actor_id=customer.id)
    return {"labeler_id": labeler_id, "blocked": False}
