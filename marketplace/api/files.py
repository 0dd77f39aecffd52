"""/v1/files."""

import mimetypes
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from flask import Response, jsonify, request
from werkzeug.datastructures import FileStorage

from marketplace import fetch, files, projects
from marketplace.api.blueprint import blueprint
from marketplace.app import manages_transactions
from marketplace.auth import current_customer, current_mode, settings
from marketplace.db import transaction
from marketplace.errors import Conflict, InvalidInput, TooLarge
from marketplace.models import File
from marketplace.schemas.file import FileSchema, ImportedFile, NewFile
from marketplace.storage import storage

TAGS = ["Files"]


def described(file: File) -> Response:
    return jsonify({**FileSchema().dump(file), "attachment_url": files.file_url(file)})


@blueprint.route("/files/upload", methods=["POST"], tags=TAGS)
@manages_transactions
@blueprint.arguments(NewFile, location="form", content_type="multipart/form-data")
@blueprint.response(200, FileSchema)
def upload_file(new: dict[str, Any]) -> Response:
    """Upload a file

    Multipart: the content under the name file, the other fields beside it. A task then names the attachment_url.
    """
    sent = request.files.get("file")
    if sent is None:
        raise InvalidInput('Parameter is invalid, reason: "file" is required', "file")
    content = _content(sent)
    name = new.get("display_name") or _plain_name(sent.filename or "") or "file"
    return _keep(content, name, sent.mimetype or _type_of(name), new)


def _content(sent: FileStorage) -> bytes:
    limit = settings().upload_max_bytes
    content = sent.stream.read(limit + 1)
    if len(content) > limit:
        raise TooLarge(f"The file is larger than {limit:,} bytes.", "file")
    return content


@blueprint.route("/files/import", methods=["POST"], tags=TAGS)
@manages_transactions
@blueprint.arguments(ImportedFile)
@blueprint.response(200, FileSchema)
def import_file(new: dict[str, Any]) -> Response:
    """Have a file fetched from its address and kept"""
    with transaction():
        _check(new)
    url = new["file_url"]
    try:
        content = fetch.fetch(
            url,
            bytes_max=settings().upload_max_bytes,
            seconds=settings().fetch_timeout_seconds,
            allow_private=settings().fetch_allow_private,
        )
    except fetch.FetchFailed as error:
        raise InvalidInput(f"The file could not be fetched. {error}", "file_url") from error
    name = new.get("display_name") or _plain_name(unquote(urlsplit(url).path)) or "file"
    return _keep(content, name, _type_of(name), new)


def _plain_name(path: str) -> str:
    return PurePosixPath(path.replace("\\", "/")).name[:500]


def _type_of(name: str) -> str:
    return mimetypes.guess_type(name)[0] or "application/octet-stream"


def _check(new: dict[str, Any]) -> None:
    """What would be refused anyway is refused before the content goes anywhere."""
    customer, mode = current_customer(), current_mode()
    project, reference_id = new.get("project_name"), new.get("reference_id")
    if project is not None and projects.find_project(customer, mode, project) is None:
        raise InvalidInput(f'Parameter is invalid, reason: there is no project named "{project}"', "project_name")
    if reference_id is not None and files.has_reference(customer, mode, reference_id):
        raise Conflict(f'A file with the reference_id "{reference_id}" exists.', "reference_id")


def _keep(content: bytes, name: str, mime_type: str, new: dict[str, Any]) -> Response:
    """Check, write the content, then the row: no transaction is open while the store is at work."""
    with transaction():
        _check(new)
        customer_id = current_customer().id
    key = files.put_content(customer_id, content, name, mime_type)
    try:
        with transaction():
            file = files.record_file(
                current_customer(),
                current_mode(),
                key,
                size=len(content),
                name=name,
                mime_type=mime_type[:100],
                reference_id=new.get("reference_id"),
                project_names=[new["project_name"]] if "project_name" in new else [],
                metadata=new.get("metadata"),
            )
            return described(file)
    except Conflict:
        storage().delete(key)
        raise
