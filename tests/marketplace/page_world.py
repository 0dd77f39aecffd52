"""A small world for the tests of pages: people who sign in, tasks through the real stages, pages read as HTML."""

import csv
import io
import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from html.parser import HTMLParser
from typing import Any

import numpy as np
from flask import Flask, g
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from marketplace import auth, files, people, projects
from marketplace.clock import utc_now
from marketplace.db import db, transaction
from marketplace.models import Customer, KeyMode, Labeler, Project, Role, Task, TaskStage, User, UserSession
from marketplace.pipeline import intake
from payouts import postings

PASSWORD = "a long enough password"
LABELS = ["cat", "dog", "other"]


@dataclass
class World:
    """A funded customer, Nora, with a project of texts; other people and tasks come as a test asks for them."""

    app: Flask
    run_jobs: Callable[[], None]
    customer: Customer
    project: Project
    users: dict[str, User]
    clients: dict[str, FlaskClient] = field(default_factory=dict)

    def send_text(self, text: str = "A cat sat on the mat.", **body: Any) -> Task:
        """A task that is open to labelers."""
        with transaction():
            asked = {"project": self.project.name, "attachment": text, "attachment_type": "text"} | body
            task = intake.accept_task(self.customer, KeyMode.LIVE, "categorization", asked)
        return self._opened(task)

    def send_drive(self, frames: int = 4, **body: Any) -> Task:
        with transaction():
            if projects.find_project(self.customer, KeyMode.LIVE, "drives") is None:
                params = {"labels": ["Car", "Pedestrian"]}
                projects.create_project(
                    self.customer, KeyMode.LIVE, "drives", "lidarannotation", params, simulated=True
                )
            urls = [self.upload(frame_json(number), f"{number:03d}.json") for number in range(frames)]
            asked = {"project": "drives", "attachments": urls, "window_frames": 3, "window_overlap": 1} | body
            task = intake.accept_task(self.customer, KeyMode.LIVE, "lidarannotation", asked)
        return self._opened(task)

    def _opened(self, task: Task) -> Task:
        self.run_jobs()
        db.session.refresh(task)
        assert task.stage is TaskStage.LABELING, task.response
        return task

    def upload(self, content: bytes, name: str) -> str:
        return files.file_url(
            files.store_file(self.customer, KeyMode.LIVE, content, name=name, mime_type="application/json")
        )

    def user(self, who: str) -> User:
        if who not in self.users:
            with transaction():
                self.users[who] = PEOPLE[who](who.title(), email=f"{who}@example.org", password=PASSWORD)
        return self.users[who]

    def labeler(self, who: str) -> Labeler:
        labeler = self.user(who).labeler
        assert labeler is not None
        return labeler

    def as_(self, who: str) -> FlaskClient:
        """A browser in which they are signed in."""
        if who not in self.clients:
            self.clients[who] = signed_in(self.app, self.user(who))
        return self.clients[who]


def _customer(name: str, *, email: str, password: str) -> User:
    user = people.create_customer(name, email=email, password=password).user
    assert user is not None
    return user


def _labeler(*qualify: str, reviewer: bool = False) -> Callable[..., User]:
    return lambda name, **more: people.create_labeler(name, qualify=qualify, reviewer=reviewer, **more).user


PEOPLE: dict[str, Callable[..., User]] = {
    "nora": _customer,
    "eve": _customer,
    "ana": _labeler("categorization", "lidarannotation"),
    "ben": _labeler("categorization"),
    "dora": _labeler(),
    "rita": _labeler("categorization", reviewer=True),
    "omar": partial(people.create_staff, role=Role.OPERATOR),
    "fay": partial(people.create_staff, role=Role.FINANCE),
}


def build(app: Flask, run_jobs: Callable[[], None]) -> World:
    with transaction():
        nora = _customer("Nora", email="nora@example.org", password=PASSWORD)
        assert nora.customer is not None
        postings.fund_customer(db.session(), nora.customer.id, 100_000, key="opening")
        params = {"categories": LABELS, "answers": 2}
        project = projects.create_project(nora.customer, KeyMode.LIVE, "texts", "categorization", params, answers_min=2)
    return World(app, run_jobs, nora.customer, project, {"nora": nora})


class Browser(FlaskClient):
    """A browser of its own: under the context that the tests push, requests would share `flask.g` with its token."""

    def open(self, *args: Any, **options: Any) -> TestResponse:
        for name in list(g):
            g.pop(name)
        return super().open(*args, **options)


def signed_in(app: Flask, user: User) -> FlaskClient:
    """A browser with a session; signing in has tests of its own."""
    token = secrets.token_urlsafe()
    with transaction():
        ends = utc_now() + timedelta(days=1)
        db.session.add(UserSession(token_hash=auth.digest(token), user_id=user.id, expires_at=ends))
    client = Browser(app, app.response_class)
    client.set_cookie(auth.SESSION_COOKIE, token)
    return client


def frame_json(number: int) -> bytes:
    points = np.random.default_rng(number).uniform(-20, 20, (50, 3))
    document = {
        "device_position": {"x": float(number), "y": 0, "z": 0},
        "device_heading": {"w": 1, "x": 0, "y": 0, "z": 0},
        "timestamp": number / 10,
        "points": [{"x": x, "y": y, "z": z / 10, "i": 0.5} for x, y, z in points.tolist()],
    }
    return json.dumps(document).encode()


# Pages as a browser has them


@dataclass
class Table:
    header: list[str]
    rows: list[list[str]]


class Page(HTMLParser):
    """What a test asks of a page: its tables, links and form fields, its words, and what must not be in it."""

    def __init__(self, answer: TestResponse) -> None:
        super().__init__()
        self.answer = answer
        self.tables: list[Table] = []
        self.links: list[str] = []
        self.forms: list[str] = []
        self.fields: dict[str, str] = {}
        self.labels_for: set[str] = set()
        self.ids: list[str] = []
        self.headings: list[str] = []
        self.unlabeled: list[str] = []
        self.forbidden: list[str] = []
        self.title = ""
        self.levels: list[int] = []
        self.unscoped: list[str] = []
        self.words = ""
        self._open: list[str] = []
        self._area: str | None = None
        self._select: str | None = None
        self.feed(answer.text)
        for table in self.tables:
            table.header = [" ".join(cell.split()) for cell in table.header]
            table.rows = [[" ".join(cell.split()) for cell in row] for row in table.rows]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self._check(tag, given)
        if "id" in given:
            self.ids.append(given["id"])
        if tag == "table":
            self.tables.append(Table([], []))
        elif tag == "tr" and self.tables and "thead" not in self._open:
            self.tables[-1].rows.append([])
        elif tag in {"th", "td"} and self.tables:
            (self.tables[-1].header if "thead" in self._open else self.tables[-1].rows[-1]).append("")
        elif tag == "a" and "href" in given:
            self.links.append(given["href"])
        elif tag == "form":
            self.forms.append(given.get("action", ""))
        elif tag == "label" and "for" in given:
            self.labels_for.add(given["for"])
        elif tag == "h1":
            self.headings.append("")
        if tag in {"h1", "h2", "h3", "h4"}:
            self.levels.append(int(tag[1]))
        if tag == "th" and "scope" not in given:
            self.unscoped.append(self.get_starttag_text() or tag)
        self._field(tag, given)
        if tag not in VOID:
            self._open.append(tag)

    def _check(self, tag: str, given: dict[str, str]) -> None:
        if tag == "style" or "style" in given or any(name.startswith("on") for name in given):
            self.forbidden.append(self.get_starttag_text() or tag)
        if tag == "script" and not given.get("src", "").startswith("/static/"):
            self.forbidden.append(self.get_starttag_text() or tag)

    def _field(self, tag: str, given: dict[str, str]) -> None:
        if tag not in {"input", "select", "textarea"}:
            if tag == "option" and self._select and ("selected" in given or self._select not in self.fields):
                self.fields[self._select] = given.get("value", "")
            return
        name, hidden = given.get("name", ""), given.get("type") in {"hidden", "submit"}
        if tag == "input":
            self.fields[name] = given.get("value", "")
        elif tag == "textarea":
            self._area, self.fields[name] = name, ""
        else:
            self._select = name
        if not hidden and "aria-label" not in given and "label" not in self._open:
            self.unlabeled.append(given.get("id", name))

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            self._area = None
        if tag == "select":
            self._select = None
        if tag in self._open:
            while self._open.pop() != tag:
                pass

    def handle_data(self, data: str) -> None:
        self.words += data
        if self._area:
            self.fields[self._area] = (self.fields[self._area] + data).lstrip("\n")
        if "title" in self._open and "svg" not in self._open:
            self.title += data
        if "h1" in self._open:
            self.headings[-1] += data
        if self.tables and "table" in self._open and {"td", "th"} & set(self._open):
            cells = self.tables[-1].header if "thead" in self._open else self.tables[-1].rows[-1]
            cells[-1] += data


VOID = {"input", "meta", "link", "br", "hr", "img", "path", "circle"}


def page(answer: TestResponse) -> Page:
    assert answer.status_code == 200, f"{answer.status_code}: {answer.text[:400]}"
    return Page(answer)


def token_of(answer: TestResponse) -> str:
    return Page(answer).fields["csrf_token"]


def submit(client: FlaskClient, path: str, fields: dict[str, Any], *, seen_on: str) -> TestResponse:
    """Send a form as the browser does from the page that shows it."""
    token = token_of(client.get(seen_on))
    return client.post(path, data={"csrf_token": token, **fields})


def csv_rows(answer: TestResponse) -> list[dict[str, str]]:
    assert answer.mimetype == "text/csv", answer.text[:400]
    return list(csv.DictReader(io.StringIO(answer.text)))
