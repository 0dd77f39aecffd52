"""Signing up, in and out: rotation, revocation, CSRF, and what a page's headers forbid."""

import re
from dataclasses import replace

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from marketplace import auth, known_browsers, people
from marketplace.app import create_app
from marketplace.config import Settings
from marketplace.db import db, transaction
from marketplace.models import Role, User, UserSession

PASSWORD = "a long enough password"


@pytest.fixture
def labeler(app: Flask) -> User:
    with transaction():
        return people.create_labeler("Ana", email="ana@example.org", password=PASSWORD, qualify=[]).user


def token_of(page: str) -> str:
    found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
    assert found, "the form has no CSRF field"
    return found[1]


def sign_in(client: FlaskClient, email: str, password: str, **more: str) -> object:
    token = token_of(client.get("/signin").text)
    return client.post("/signin", data={"email": email, "password": password, "csrf_token": token, **more})


def test_a_labeler_signs_in_and_out(client: FlaskClient, labeler: User) -> None:
    answer = sign_in(client, "ANA@example.org", PASSWORD)
    assert answer.status_code == 302 and answer.headers["Location"] == "/work"  # type: ignore[attr-defined]
    assert client.get("/work").status_code == 200
    token = token_of(client.get("/work").text)
    client.post("/signout", data={"csrf_token": token})
    assert client.get("/work").headers["Location"].startswith("/signin")
    assert db.session.scalars(select(UserSession)).all() == []


def test_a_wrong_password_keeps_what_was_typed(client: FlaskClient, labeler: User) -> None:
    answer = sign_in(client, "ana@example.org", "not it at all")
    assert answer.status_code == 400  # type: ignore[attr-defined]
    assert "ana@example.org" in answer.text and "do not go together" in answer.text  # type: ignore[attr-defined]


def test_the_session_is_rotated_at_sign_in(client: FlaskClient, labeler: User) -> None:
    client.set_cookie(auth.SESSION_COOKIE, "planted by somebody else")
    sign_in(client, "ana@example.org", PASSWORD)
    first = client.get_cookie(auth.SESSION_COOKIE)
    sign_in(client, "ana@example.org", PASSWORD)
    second = client.get_cookie(auth.SESSION_COOKIE)
    assert first is not None and second is not None
    assert len({first.value, second.value, "planted by somebody else"}) == 3
    client.set_cookie(auth.SESSION_COOKIE, first.value)
    assert client.get("/work").status_code == 302, "the session before the second sign-in is over"


def test_a_form_without_csrf_token_is_refused(client: FlaskClient, labeler: User) -> None:
    answer = client.post("/signin", data={"email": "ana@example.org", "password": PASSWORD})
    assert answer.status_code == 400 and client.get_cookie(auth.SESSION_COOKIE) is None


def test_the_labelers_api_takes_a_session_only_with_a_csrf_token(client: FlaskClient, labeler: User) -> None:
    sign_in(client, "ana@example.org", PASSWORD)
    assert client.post("/labeler/claim", json={}).status_code == 400


@pytest.mark.parametrize(
    "target", ["//evil.example", "https://evil.example", "/\\evil.example", "/\t/evil.example", "/\n/evil.example"]
)
def test_sign_in_leads_nowhere_else(client: FlaskClient, labeler: User, target: str) -> None:
    answer = sign_in(client, "ana@example.org", PASSWORD, next=target)
    assert answer.headers["Location"] == "/work"  # type: ignore[attr-defined]


def test_sign_in_leads_to_the_page_that_asked_for_it(client: FlaskClient, labeler: User) -> None:
    asked = client.get("/history/a%26b").headers["Location"]
    assert asked == "/signin?next=/history/a%26b"
    answer = sign_in(client, "ana@example.org", PASSWORD, next="/history/a&b")
    assert answer.headers["Location"] == "/history/a&b"  # type: ignore[attr-defined]


@pytest.mark.parametrize(("proxies", "status_of_another_caller"), [(0, 429), (1, 400)])
def test_tries_to_sign_in_are_counted_by_the_callers_address(
    app: Flask, test_settings: Settings, proxies: int, status_of_another_caller: int
) -> None:
    """Without a proxy of ours the header is the caller's own word, and worth nothing."""
    strict = create_app(replace(test_settings, rate_limit_signin="3 per minute", proxies=proxies))
    client = strict.test_client()
    data = {"email": "a@b.example", "password": "", "csrf_token": token_of(client.get("/signin").text)}

    def status(caller: str) -> int:
        return client.post("/signin", data=data, headers={"X-Forwarded-For": caller}).status_code

    assert [status("203.0.113.1") for _ in range(4)] == [400, 400, 400, 429]
    assert status("203.0.113.2") == status_of_another_caller


def test_guesses_from_many_addresses_are_counted_by_account_and_do_not_lock_its_owner_out(
    app: Flask, test_settings: Settings, labeler: User
) -> None:
    """Known browsers are counted by themselves; strangers share one count, right password or not."""
    with transaction():
        people.create_labeler("Ben", email="ben@example.org", password=PASSWORD, qualify=[])
    strict = create_app(replace(test_settings, rate_limit_account="3 per 15 minutes", proxies=1))
    owner = strict.test_client()
    addresses = (f"203.0.113.{n}" for n in range(1, 100))

    def status(client: FlaskClient, password: str, email: str = "ana@example.org") -> int:
        token = token_of(client.get("/signin").text)
        data = {"email": email, "password": password, "csrf_token": token}
        return client.post("/signin", data=data, headers={"X-Forwarded-For": next(addresses)}).status_code

    assert status(owner, PASSWORD) == 302
    owner.delete_cookie(auth.SESSION_COOKIE)
    stranger = strict.test_client()
    assert [status(stranger, f"guess {n}") for n in range(4)] == [400, 400, 400, 429]
    assert status(stranger, PASSWORD, "ANA@example.org ") == 429, "in whatever letters"
    assert status(strict.test_client(), PASSWORD) == 429, "a guess that is right is not told apart"
    assert status(stranger, PASSWORD, "ben@example.org") == 302, "another account is not concerned"
    assert [status(owner, "a slip"), status(owner, PASSWORD)] == [400, 302], "the owner's browser is known"
    stranger.set_cookie(known_browsers.COOKIE, "forged")
    assert status(stranger, PASSWORD) == 429


def test_another_accounts_cookie_makes_no_browser_known(app: Flask, test_settings: Settings, labeler: User) -> None:
    """Whoever opens an account of his own is still a stranger to others'."""
    with transaction():
        people.create_labeler("Eve", email="eve@example.org", password=PASSWORD, qualify=[])
    strict = create_app(replace(test_settings, rate_limit_account="2 per 15 minutes"))
    eve = strict.test_client()
    assert sign_in(eve, "eve@example.org", PASSWORD).status_code == 302  # type: ignore[attr-defined]
    eve.delete_cookie(auth.SESSION_COOKIE)
    tries = [sign_in(eve, "ana@example.org", f"guess {n}") for n in range(3)]
    assert [answer.status_code for answer in tries] == [400, 400, 429]  # type: ignore[attr-defined]
    assert "Too many tries" in tries[2].text and "ana@example.org" in tries[2].text  # type: ignore[attr-defined]


def test_another_roles_page_is_refused(client: FlaskClient, labeler: User) -> None:
    sign_in(client, "ana@example.org", PASSWORD)
    assert client.get("/finance").status_code == 403
    assert client.get("/operator").status_code == 403


def test_sign_up_opens_an_account_and_names_each_bad_field(client: FlaskClient) -> None:
    token = token_of(client.get("/signup").text)
    bad = {"name": "", "email": "nonsense", "password": "short", "role": "king", "csrf_token": token}
    answer = client.post("/signup", data=bad)
    assert answer.status_code == 400
    for words in ("give a name", "does not look like", "at least 10", "choose what"):
        assert words in answer.text.lower() or words in answer.text
    good = {"name": "Bo", "email": "bo@example.org", "password": PASSWORD, "role": "customer", "csrf_token": token}
    assert client.post("/signup", data=good).headers["Location"] == "/projects"
    assert db.session.scalar(select(User)).role is Role.CUSTOMER  # type: ignore[union-attr]


@pytest.mark.parametrize("address", ["/signin", "/signup"])
def test_a_text_that_cannot_be_stored_is_refused(client: FlaskClient, address: str) -> None:
    data = {"email": "a\0@example.org", "password": PASSWORD, "csrf_token": token_of(client.get(address).text)}
    answer = client.post(address, data=data)
    assert answer.status_code == 400 and "NUL" in answer.text


def test_an_address_that_no_row_can_have_is_not_found(client: FlaskClient, labeler: User) -> None:
    sign_in(client, "ana@example.org", PASSWORD)
    assert client.get("/history/%00").status_code == client.get("/labeler/assignments/%00").status_code == 404
    assert client.get("/labeler/assignments?before=%00").json["field"] == "before"  # type: ignore[index]


def test_pages_forbid_inline_script_and_framing(client: FlaskClient) -> None:
    answer = client.get("/signin")
    policy = answer.headers["Content-Security-Policy"]
    assert "script-src 'self';" in policy and "unsafe" not in policy and "frame-ancestors 'none'" in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert not re.search(r"<script(?![^>]*\bsrc=)|\sstyle=|\son\w+=", answer.text), "inline script or style"
