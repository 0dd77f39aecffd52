"""Files over the customers' API, and the signed links by which everything is served."""

import io
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from marketplace import files
from marketplace.db import transaction
from marketplace.models import KeyMode
from marketplace.people import NewCustomer
from marketplace.storage import storage
from tests.marketplace.api_world import BOXES, Caller, answered, refused

PNG = b"\x89PNG\r\n\x1a\n" + b"\x00" * 16


def upload(caller: Caller, content: bytes = PNG, name: str = "street.PNG", **fields: str) -> Any:
    form = {"file": (io.BytesIO(content), name)} | fields
    return caller.post("files/upload", data=form, content_type="multipart/form-data")


def stored_blobs(app: Flask) -> int:
    folder = app.config["SETTINGS"].data_dir / "storage" / "files"
    return sum(path.is_file() for path in folder.rglob("*")) if folder.exists() else 0


def test_a_file_is_kept_and_named_by_a_task(live: Caller, nora: NewCustomer) -> None:
    answered(live.post("projects", {"name": "p", "type": "imageannotation"}))
    kept = answered(upload(live, reference_id="r 1", project_name="p", metadata=json.dumps({"camera": 1})))
    assert kept["attachment_url"] == f"scaledata://{nora.customer.id}/{kept['id']}"
    assert kept["size"] == len(PNG) and kept["mime_type"] == "image/png" and kept["name"] == "street.PNG"
    assert kept["project_names"] == ["p"] and kept["metadata"] == {"camera": 1} and kept["reference_id"] == "r 1"
    task = answered(live.post("task/imageannotation", BOXES | {"attachment": kept["attachment_url"]}))
    assert task["params"]["attachment"] == kept["attachment_url"]
    with transaction():
        file = files.find_file(nora.customer, KeyMode.LIVE, kept["attachment_url"])
        assert storage().get(file.storage_key) == PNG
    link = answered(live.get("tasks", include_attachment_url="true"))["docs"][0]["attachments_urls"]
    served = live.client.get(link[kept["attachment_url"]].removeprefix("http://127.0.0.1:8000"))
    assert served.data == PNG and served.mimetype == "image/png"


def test_a_file_of_somebody_else_is_as_good_as_none(live: Caller, test_world: Caller, stranger: Caller) -> None:
    url = answered(upload(live))["attachment_url"]
    for caller in (stranger, test_world):
        body = BOXES | {"attachment": url}
        assert refused(caller.post("task/imageannotation", body), 400)["field"] == "attachment"


def test_a_reference_is_used_once_and_the_second_content_does_not_stay(app: Flask, live: Caller) -> None:
    answered(upload(live, reference_id="r"))
    before = stored_blobs(app)
    assert refused(upload(live, reference_id="r"), 409)["field"] == "reference_id"
    statuses = []
    threads = [threading.Thread(target=lambda: statuses.append(upload(live, reference_id="s").status_code))] * 1
    threads += [threading.Thread(target=lambda: statuses.append(upload(live, reference_id="s").status_code))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [200, 409] and stored_blobs(app) == before + 1


@pytest.mark.parametrize(
    ("form", "field"),
    [
        ({}, "file"),
        ({"file": (io.BytesIO(b""), "a.png")}, "file"),
        ({"file": (io.BytesIO(b"x"), "a"), "metadata": "{"}, "metadata"),
        ({"file": (io.BytesIO(b"x"), "a"), "metadata": '{"a": NaN}'}, "metadata"),
        ({"file": (io.BytesIO(b"x"), "a"), "metadata": "camera"}, "metadata"),
        ({"file": (io.BytesIO(b"x"), "a"), "project_name": "nowhere"}, "project_name"),
        ({"file": (io.BytesIO(b"x"), "a"), "reference_id": "x" * 501}, "reference_id"),
    ],
)
def test_a_bad_upload_is_refused_by_the_name_of_its_field(
    app: Flask, live: Caller, form: dict[str, Any], field: str
) -> None:
    before = stored_blobs(app)
    answer = live.post("files/upload", data=form, content_type="multipart/form-data")
    assert refused(answer, 400)["field"] == field
    assert stored_blobs(app) == before


def test_a_file_over_the_limit_is_refused(app: Flask, live: Caller) -> None:
    generous, before = app.config["SETTINGS"], stored_blobs(app)
    app.config["SETTINGS"] = replace(generous, upload_max_bytes=len(PNG) - 1)
    assert refused(upload(live), 400)["field"] == "file"
    app.config["SETTINGS"] = replace(generous, upload_max_bytes=len(PNG))
    answered(upload(live))
    app.config["SETTINGS"] = generous
    assert stored_blobs(app) == before + 1


def test_a_file_with_another_name_keeps_its_type(live: Caller, nora: NewCustomer) -> None:
    kept = answered(upload(live, display_name="The street at noon"))
    assert kept["name"] == "The street at noon" and kept["mime_type"] == "image/png"
    with transaction():
        assert files.find_file(nora.customer, KeyMode.LIVE, kept["attachment_url"]).storage_key.endswith(".png")


# Import


@contextmanager
def elsewhere() -> Iterator[str]:
    """Another server on this machine, which has one picture."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path.startswith("/pictures/") else 404)
            self.end_headers()
            self.wfile.write(PNG)

        def log_message(self, *_: object) -> None:
            """Silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def private_addresses_allowed(app: Flask) -> Iterator[None]:
    strict = app.config["SETTINGS"]
    app.config["SETTINGS"] = replace(strict, fetch_allow_private=True)
    yield
    app.config["SETTINGS"] = strict


@pytest.mark.usefixtures("private_addresses_allowed")
def test_a_file_is_imported_from_its_address(live: Caller) -> None:
    with elsewhere() as url:
        kept = answered(live.post("files/import", {"file_url": f"{url}/pictures/a%20b.png?x=1", "reference_id": "r"}))
        assert kept["name"] == "a b.png" and kept["size"] == len(PNG) and kept["mime_type"] == "image/png"
        error = refused(live.post("files/import", {"file_url": f"{url}/none.png"}), 400)
        assert error["field"] == "file_url" and "404" in error["error"]
        refused(live.post("files/import", {"file_url": f"{url}/pictures/a.png", "reference_id": "r"}), 409)


def test_our_own_network_is_not_for_import(app: Flask, live: Caller) -> None:
    with elsewhere() as url:
        error = refused(live.post("files/import", {"file_url": f"{url}/pictures/a.png"}), 400)
    assert error["field"] == "file_url" and "public internet" in error["error"]


@pytest.mark.parametrize("url", [None, "", "ftp://a/b", "file:///etc/passwd", "nonsense", 7])
def test_a_bad_address_is_refused(live: Caller, url: Any) -> None:
    assert refused(live.post("files/import", {"file_url": url}), 400)["field"] == "file_url"


# Signed links


def put(key: str, content: bytes) -> str:
    storage().put(key, content)
    return storage().link(key)


@pytest.mark.parametrize("name", ["a.html", "a.svg", "a.xml", "a.js", "a.pdf", "a", "a.png.html", "a.HTML"])
def test_what_could_run_script_is_a_download(client: FlaskClient, name: str) -> None:
    answer = client.get(put(f"files/x/{name}", b"<script>alert(1)</script>"))
    assert answer.status_code == 200 and answer.mimetype == "application/octet-stream"
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert answer.headers["Content-Security-Policy"].startswith("sandbox")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    ("name", "mime_type"),
    [
        ("a.png", "image/png"),
        ("a.JPG", "image/jpeg"),
        ("a.json", "application/json"),
        ("a.lypf", "application/octet-stream"),
    ],
)
def test_pictures_and_frames_are_shown_and_may_be_kept(client: FlaskClient, name: str, mime_type: str) -> None:
    content = bytes(range(256)) * 4096
    answer = client.get(put(f"files/y/{name}", content))
    assert answer.data == content and answer.mimetype == mime_type
    assert answer.headers["Content-Length"] == str(len(content))
    assert "Content-Disposition" not in answer.headers and "immutable" in answer.headers["Cache-Control"]
    assert answer.headers["Cache-Control"].startswith("private")


def test_a_link_leads_to_one_blob_for_a_time(client: FlaskClient) -> None:
    link, other = put("files/z/1.png", PNG), put("files/z/2.png", b"two")
    path, _, query = link.partition("?")
    forged = [
        path,
        f"{path}?expires=9999999999&signature={query.rpartition('=')[2]}",
        f"{path}?expires=x&signature=y",
        f"{path}?expires=9999999999&signature=%C3%A9",
        f"{other.partition('?')[0]}?{query}",
        f"{link}0",
        storage().link("files/z/1.png", now=0.0),
    ]
    for address in forged:
        assert refused(client.get(address), 403)
    assert client.get(link).data == PNG and client.head(link).status_code == 200
    assert refused(client.get(storage().link("files/z/none.png")), 404)
