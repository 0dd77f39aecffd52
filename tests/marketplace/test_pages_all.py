"""What holds for every page: its role alone sees it, no inline script or style, labels, headings in order, a title."""

from collections.abc import Callable, Iterator
from itertools import pairwise

import pytest
from flask import Flask
from sqlalchemy import text

from marketplace import projects
from marketplace.db import db, transaction
from marketplace.models import Task
from marketplace.permissions import audience_of
from marketplace.pipeline import dispatch
from tests.marketplace import page_world
from tests.marketplace.page_world import Page, World, page


@pytest.fixture
def world(app: Flask, run_jobs: Callable[[], None]) -> World:
    return page_world.build(app, run_jobs)


def addresses(world: World, task: Task, assignment_id: str, subtask_id: str) -> Iterator[tuple[str, str]]:
    """Every page with who it is for."""
    project = world.project.id
    yield from ((path, "nobody") for path in ("/", "/signin", "/signup", "/docs"))
    yield from ((path, "ana") for path in ("/work", "/history", f"/history/{assignment_id}", "/accuracy", "/earnings"))
    yield from (("/projects", "nora"), ("/projects/new", "nora"), (f"/projects/{project}", "nora"), ("/keys", "nora"))
    yield from ((f"/projects/{project}/{what}", "nora") for what in ("tasks/new", "labelers"))
    yield from ((f"/tasks/{task.id}{path}", "nora") for path in ("", "/decisions"))
    yield from ((f"/operator{path}", "omar") for path in ("", "/queues", "/labelers"))
    yield from ((f"/operator/labelers/{world.labeler('ana').id}{path}", "omar") for path in ("", "/accuracy"))
    lane_id = db.session.scalars(text("SELECT min(id) FROM lane")).one()
    yield from ((f"/operator/{path}", "omar") for path in (f"queues/{lane_id}", f"tasks/{task.id}"))
    yield (f"/operator/subtasks/{subtask_id}", "omar")
    yield from ((path, "rita") for path in ("/reviews", f"/reviews/{subtask_id}", "/appeals"))
    yield from ((f"/finance{path}", "fay") for path in ("", "/runs", "/unknown", "/payouts", "/customers", "/labelers"))
    yield from ((f"/finance/ledger{path}", "fay") for path in ("", "/accounts", "/checks", "/stripe"))
    yield (f"/finance/customers/{world.customer.id}", "fay")
    yield (f"/finance/labelers/{world.labeler('ana').id}", "fay")
    [transfer, account] = db.session.execute(text("SELECT min(transfer_id), min(account_id) FROM ledger_entry")).one()
    yield from ((f"/finance/ledger/transfers/{transfer}", "fay"), (f"/finance/ledger/accounts/{account}", "fay"))


def test_every_page_is_clean_and_its_roles_alone(world: World) -> None:
    task = world.send_text()
    with transaction():
        claimed = dispatch.claim_next(world.labeler("ana").id).assignment
        assert claimed is not None
        assignment_id, subtask_id = claimed.id, claimed.subtask_id
    for path, who in addresses(world, task, assignment_id, subtask_id):
        client = world.app.test_client() if who == "nobody" else world.as_(who)
        shown = page(client.get(path))
        assert shown.forbidden == [], f"{path} has inline script or style"
        check_outline(shown, path)
        assert [one for one in shown.unlabeled if one not in shown.labels_for] == [], f"{path}: fields without a label"
        assert len(shown.ids) == len(set(shown.ids)), f"{path}: an id stands twice"
        assert "csrf_token" in shown.fields or not shown.forms, path
        others = {"ana", "nora", "omar", "fay"} - {who} - ({"omar"} if who == "rita" else set())
        if who != "nobody":
            assert {world.as_(other).get(path).status_code for other in others} == {403}, path


def check_outline(shown: Page, path: str) -> None:
    """What somebody who does not see the page finds their way by."""
    assert shown.title.removesuffix(" · Labelyard").strip(), f"{path} has no title of its own"
    assert len(shown.headings) == 1 and shown.headings[0].strip(), path
    deeper = [(a, b) for a, b in pairwise([0, *shown.levels]) if b > a + 1]
    assert deeper == [], f"{path}: a heading leaves out a level"
    assert shown.unscoped == [], f"{path}: a table's heading says not what it heads"
    assert all(table.header and "" not in table.header for table in shown.tables), f"{path}: a column without a word"


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [("/nonsense", 404, "no page at this address"), ("/work/claim", 405, "a form of one of our pages")],
)
def test_an_error_is_a_page_in_plain_words(world: World, path: str, status: int, words: str) -> None:
    answer = world.as_("ana").get(path)
    assert answer.status_code == status and words in answer.text and "URL" not in Page(answer).words
    check_outline(Page(answer), path)


def test_every_page_address_is_looked_at(world: World) -> None:
    """A new page is checked above, or it is one of those that need a state of their own and have tests beside it."""
    task = world.send_text()
    seen = {route_of(world.app, path) for path, _ in addresses(world, task, "x", "x")}
    routes = {
        rule.endpoint
        for rule in world.app.url_map.iter_rules()
        if "GET" in (rule.methods or ()) and str(audience_of(rule.endpoint)).endswith("page")
    }
    assert routes - seen == ELSEWHERE


# A search that leads on, a download, the workbench's windows, and payouts, which need a run (test_finance).
ELSEWHERE = {
    "customer.tasks.find",
    "customer.tasks.deliverable",
    "labeler.workbench",
    "operator.subtasks.find",
    "review.answers",
    "review.answers_data",
    "finance.run",
    "finance.item",
}


def route_of(app: Flask, path: str) -> str:
    endpoint, _ = app.url_map.bind("").match(path)
    return str(endpoint)


@pytest.mark.parametrize(
    ("path", "who"),
    [("/work/claim", "ana"), ("/projects/new", "nora"), ("/keys", "nora"), ("/keys/signing-secret", "nora")],
)
def test_a_form_without_its_token_does_nothing(world: World, path: str, who: str) -> None:
    world.send_text()
    secret = world.customer.signing_secret
    assert world.as_(who).post(path, data={"name": "x", "labels": "a"}).status_code == 400
    assert world.customer.signing_secret == secret


@pytest.mark.parametrize("query", ["page=-1", "page=99999999999999999999", "sort=x", "state=nonsense", "page=x"])
def test_nonsense_in_the_address_is_as_good_as_nothing(world: World, query: str) -> None:
    for path, who in (("/projects", "nora"), (f"/projects/{world.project.id}", "nora"), ("/history", "ana")):
        assert world.as_(who).get(f"{path}?{query}").status_code == 200, path


def test_a_list_longer_than_a_page_loses_no_row(world: World) -> None:
    with transaction():
        for number in range(60):
            projects.create_project(world.customer, world.project.mode, f"project {number:02d}", "categorization")
    nora = world.as_("nora")
    first, second = (page(nora.get(f"/projects?sort=name&page={number}")) for number in (1, 2))
    names = [row[0] for shown in (first, second) for row in shown.tables[0].rows]
    assert names == [f"project {number:02d}" for number in range(60)] + ["texts"]
    assert any("page=2" in link for link in first.links) and not any("page=3" in link for link in second.links)
    sorted_link = next(link for link in second.links if "sort=tasks" in link)
    assert "page=" not in sorted_link, "another order starts at the first page"
