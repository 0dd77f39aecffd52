"""Customers' files: kept in storage, referred to as `scaledata://<customer id>/<file id>`."""

import mimetypes
import re
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from marketplace.auth import settings
from marketplace.clock import utc_now
from marketplace.db import db
from marketplace.errors import Conflict, InvalidInput, NotFound
from marketplace.ids import new_id
from marketplace.models import Customer, File, KeyMode, Task
from marketplace.storage import storage

SCHEME = "scaledata://"


def file_url(file: File) -> str:
    return f"{SCHEME}{file.customer_id}/{file.id}"


def store_file(
    customer: Customer,
    mode: KeyMode,
    content: bytes,
    *,
    name: str,
    mime_type: str,
    reference_id: str | None = None,
    project_names: Sequence[str] = (),
    metadata: dict[str, Any] | None = None,
) -> File:
    """Keep a file; raises Conflict where the customer has used its reference_id before."""
    key = put_content(customer.id, content, name, mime_type)
    return record_file(
        customer,
        mode,
        key,
        size=len(content),
        name=name,
        mime_type=mime_type,
        reference_id=reference_id,
        project_names=project_names,
        metadata=metadata,
    )


def put_content(customer_id: str, content: bytes, name: str, mime_type: str = "") -> str:
    """Write a file's content to storage, which may be far away; no row refers to it yet."""
    if not content:
        raise InvalidInput("The file is empty.", "file")
    key = f"files/{customer_id}/{new_id()}{_suffix(name, mime_type)}"
    storage().put(key, content)
    return key


def _suffix(name: str, mime_type: str) -> str:
    """The name's extension, or the usual one of its type: the address of a blob says what it is."""
    found = re.search(r"\.[A-Za-z0-9]{1,10}$", name)
    return found[0].lower() if found else mimetypes.guess_extension(mime_type) or ""


def record_file(
    customer: Customer,
    mode: KeyMode,
    key: str,
    *,
    size: int,
    name: str,
    mime_type: str,
    reference_id: str | None = None,
    project_names: Sequence[str] = (),
    metadata: dict[str, Any] | None = None,
) -> File:
    """Store the row of a file whose content lies under `key`; raises Conflict for a reference_id that is taken."""
    row = {
        "id": new_id(),
        "customer_id": customer.id,
        "mode": mode,
        "storage_key": key,
        "name": name,
        "mime_type": mime_type,
        "size": size,
        "reference_id": reference_id,
        "project_names": list(project_names),
        "metadata": metadata or {},
        "created_at": utc_now(),
    }
    stored: File | None = db.session.scalar(insert(File).values(row).on_conflict_do_nothing().returning(File))
    if stored is None:
        raise Conflict(f'A file with the reference_id "{reference_id}" exists.', "reference_id")
    return stored


def find_file(customer: Customer, mode: KeyMode, url: str) -> File:
    """The customer's file of this address; a foreign one and a missing one look the same: NotFound."""
    file_id = _own_id(customer, url)
    file = db.session.get(File, file_id) if file_id else None
    if file is None or file.customer_id != customer.id or file.mode is not mode:
        raise NotFound(f"There is no file {url}.")
    return file


def missing(customer: Customer, mode: KeyMode, urls: Iterable[str]) -> set[str]:
    """Those of the addresses that lead to no file of this customer."""
    ids = {url: _own_id(customer, url) for url in urls}
    if not ids:
        return set()
    wanted = [file_id for file_id in ids.values() if file_id]
    own = select(File.id).where(File.id.in_(wanted), File.customer_id == customer.id, File.mode == mode)
    found = set(db.session.scalars(own))
    return {url for url, file_id in ids.items() if file_id not in found}


def has_reference(customer: Customer, mode: KeyMode, reference_id: str) -> bool:
    own = select(File.id).filter_by(customer_id=customer.id, mode=mode, reference_id=reference_id)
    return db.session.scalar(own) is not None


def attachment_links(tasks: Sequence[Task]) -> list[dict[str, str]]:
    """For each task its attachments with an address that can be fetched: our files by a signed link."""
    named = [_attachments(task.params) for task in tasks]
    ids = {text.rpartition("/")[2] for texts in named for text in texts if text.startswith(SCHEME)}
    keys = {file_url(file): file.storage_key for file in db.session.scalars(select(File).where(File.id.in_(ids)))}
    return [{text: _link(text, keys) for text in texts} for texts in named]


def _attachments(params: dict[str, Any]) -> list[str]:
    if "attachments" in params:
        return [text for text in params["attachments"] if isinstance(text, str)]
    return [params["attachment"]] if params.get("attachment_type") != "text" else []


def _link(url: str, keys: dict[str, str]) -> str:
    return settings().base_url.rstrip("/") + storage().link(keys[url]) if url in keys else url


def _own_id(customer: Customer, url: str) -> str | None:
    owner, _, file_id = url.removeprefix(SCHEME).partition("/")
    return file_id if url.startswith(SCHEME) and owner == customer.id else None
