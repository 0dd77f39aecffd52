"""Fixtures for the marketplace's tests: a funded customer, and programs that call the API with its keys."""

from collections.abc import Iterator

import pytest
from flask import Flask

from marketplace.people import NewCustomer
from tests.marketplace.api_world import Caller, new_customer, serving


@pytest.fixture
def nora(app: Flask) -> NewCustomer:
    """A customer with funds."""
    return new_customer()


@pytest.fixture
def live(app: Flask, nora: NewCustomer) -> Caller:
    return Caller(app.test_client(), nora.live_key)


@pytest.fixture
def test_world(app: Flask, nora: NewCustomer) -> Caller:
    return Caller(app.test_client(), nora.test_key)


@pytest.fixture
def stranger(app: Flask) -> Caller:
    """Another customer's program."""
    return Caller(app.test_client(), new_customer("Sam").live_key)


@pytest.fixture
def server(app: Flask) -> Iterator[str]:
    """The application on a free port of this machine."""
    with serving(app) as url:
        yield url
