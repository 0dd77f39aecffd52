"""Opening accounts: customers with their keys, labelers with their token, staff."""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import func, select

from marketplace import auth
from marketplace.db import db
from marketplace.errors import Conflict, InvalidInput
from marketplace.models import Customer, KeyMode, Labeler, Qualification, Role, User
from routing.task_types import TASK_TYPES


@dataclass(frozen=True)
class NewCustomer:
    customer: Customer
    live_key: str
    test_key: str
    user: User | None


@dataclass(frozen=True)
class NewLabeler:
    labeler: Labeler
    token: str
    user: User


def create_customer(name: str, *, email: str, password: str | None = None) -> NewCustomer:
    """Open a customer's account with a live and a test key; with a password also a sign-in for the pages."""
    customer = Customer(
        name=name,
        email=email,
        callback_auth_key=f"live_auth_{secrets.token_hex(16)}",
        test_callback_auth_key=f"test_auth_{secrets.token_hex(16)}",
        signing_secret=f"whsec_{secrets.token_hex(24)}",
    )
    db.session.add(customer)
    db.session.flush()
    live, test = (auth.new_api_key(customer, mode, name="first") for mode in (KeyMode.LIVE, KeyMode.TEST))
    user = _user(name, email, password, Role.CUSTOMER, customer_id=customer.id) if password else None
    db.session.flush()
    return NewCustomer(customer, live, test, user)


def checked_country(word: str) -> str:
    """Raises InvalidInput for what is no code of a country."""
    code = word.strip().upper()
    if not (len(code) == 2 and code.isascii() and code.isalpha()):
        raise InvalidInput(f'"{word}" is no country code; two letters, as FR.', "country")
    return code


def create_labeler(
    name: str, *, email: str, password: str, qualify: Iterable[str], reviewer: bool = False, country: str = "US"
) -> NewLabeler:
    qualify = list(qualify)
    for task_type in qualify:
        if task_type not in TASK_TYPES:
            raise InvalidInput(f"{task_type} is not a task type; there are {', '.join(TASK_TYPES)}.", "qualify")
    labeler = Labeler(name=name, email=email, reviewer=reviewer, country=checked_country(country))
    db.session.add(labeler)
    db.session.flush()
    db.session.add_all(Qualification(labeler_id=labeler.id, task_type=task_type) for task_type in qualify)
    user = _user(name, email, password, Role.LABELER, labeler_id=labeler.id)
    token = auth.new_labeler_token(labeler)
    db.session.flush()
    return NewLabeler(labeler, token, user)


def add_credential(labeler_id: str, word: str) -> bool:
    """Whether she did not have it; the next claim asks for it."""
    labeler = _locked(labeler_id)
    if word in labeler.credentials:
        return False
    labeler.credentials = sorted([*labeler.credentials, word])
    db.session.flush()
    return True


def remove_credential(labeler_id: str, word: str) -> bool:
    """Whether she had it. What she holds stays hers."""
    labeler = _locked(labeler_id)
    if word not in labeler.credentials:
        return False
    labeler.credentials = [one for one in labeler.credentials if one != word]
    db.session.flush()
    return True


def _locked(labeler_id: str) -> Labeler:
    wanted = select(Labeler).where(Labeler.id == labeler_id).with_for_update(key_share=True)
    return db.session.scalars(wanted.execution_options(populate_existing=True)).one()


def create_staff(name: str, *, email: str, password: str, role: Role) -> User:
    user = _user(name, email, password, role)
    db.session.flush()
    return user


def _user(name: str, email: str, password: str, role: Role, **owner: str) -> User:
    if db.session.scalar(select(User.id).where(func.lower(User.email) == email.lower())):
        raise Conflict(f"An account with the address {email} exists.", "email")
    user = User(name=name, email=email, password_hash=auth.hash_password(password), role=role, **owner)
    db.session.add(user)
    return user
