"""Fetching attachments: from a real server, never from our own network, and never without an end."""

import contextlib
import gzip
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from marketplace import fetch
from marketplace.fetch import FetchFailed

CONTENT = bytes(range(256)) * 1000


class Site(BaseHTTPRequestHandler):
    """A customer's server with good and bad manners."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        name = self.path.partition("?")[0].strip("/").split("/")[0].replace("-", "_")
        getattr(self, f"answer_{name}", self.answer_missing)()

    def send(self, content: bytes, status: int = 200, **headers: str) -> None:
        self.send_response(status)
        for key, value in {"Content_Length": str(len(content)), **headers}.items():
            self.send_header(key.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(content)

    def answer_file(self) -> None:
        self.send(CONTENT)

    def answer_host(self) -> None:
        self.send(self.headers["Host"].encode())

    def answer_missing(self) -> None:
        self.send(b"no", 404)

    def answer_busy(self) -> None:
        self.send(b"later", 503)

    def answer_packed(self) -> None:
        self.send(gzip.compress(CONTENT), Content_Encoding="gzip")

    def answer_bomb(self) -> None:
        self.send(gzip.compress(bytes(50_000_000)), Content_Encoding="gzip")

    def answer_chunked(self) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for start in range(0, len(CONTENT), 100_000):
            part = CONTENT[start : start + 100_000]
            self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
        self.wfile.write(b"0\r\n\r\n")

    def answer_endless(self) -> None:
        self.send_response(200)
        self.end_headers()
        with contextlib.suppress(ConnectionError):
            for _ in range(10_000):
                self.wfile.write(bytes(10_000))

    def answer_short(self) -> None:
        self.send(b"half of it", Content_Length="20")
        self.close_connection = True

    def answer_trickle(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        self.dawdle(b".")

    def answer_slow_headers(self) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\n")
        self.dawdle(b"X-A: b\r\n")

    def dawdle(self, bit: bytes) -> None:
        with contextlib.suppress(ConnectionError):
            for _ in range(60):
                self.wfile.write(bit)
                time.sleep(0.05)

    def answer_to(self) -> None:
        """/to?<address> redirects there; /to/<n>/... n times more."""
        self.send(b"", 302, Location=self.path.partition("?")[2])

    def answer_again(self) -> None:
        left = int(self.path.strip("/").split("/")[1])
        self.send(b"", 307, Location=f"/again/{left - 1}" if left else "/file")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def get(url: str, **options: Any) -> bytes:
    return fetch.fetch(url, **{"bytes_max": 1_000_000, "seconds": 5, "allow_private": True} | options)


@pytest.mark.parametrize("path", ["/file", "/packed", "/chunked", "/again/4", "/to?file", "/to?/file", "/file?a=b c&ü"])
def test_content_comes_whole(site: str, path: str) -> None:
    assert get(site + path) == CONTENT


def test_the_server_is_asked_by_its_name(site: str) -> None:
    port = site.rpartition(":")[2]
    assert get(f"http://localhost:{port}/host") == f"localhost:{port}".encode()


@pytest.mark.parametrize(
    ("path", "status_code", "reason"),
    [
        ("/nothing", 404, "answered 404"),
        ("/busy", 503, "answered 503"),
        ("/endless", 200, "larger than 1,000,000 bytes"),
        ("/bomb", 200, "larger than 1,000,000 bytes"),
        ("/short", None, "ended before"),
        ("/again/5", None, "more than 5 times"),
        ("/to?ftp://example.org/a", None, "Only http and https"),
        ("/to?file:///etc/passwd", None, "Only http and https"),
        ("/to?http://[::1/", None, "not a valid address"),
    ],
)
def test_what_cannot_be_had_says_why(site: str, path: str, status_code: int | None, reason: str) -> None:
    with pytest.raises(FetchFailed, match=reason) as raised:
        get(site + path)
    assert raised.value.status_code == status_code
    assert raised.value.again == (path in ("/busy", "/short"))


@pytest.mark.parametrize("path", ["/trickle", "/slow-headers"])
def test_a_server_that_dawdles_is_cut_off(site: str, path: str) -> None:
    started = time.monotonic()
    with pytest.raises(FetchFailed, match=r"longer than 0.4 s"):
        get(site + path, seconds=0.4)
    assert time.monotonic() - started < 2


def test_nobody_there(site: str) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with pytest.raises(FetchFailed, match="connection failed") as raised:
        get(f"http://127.0.0.1:{port}/")
    assert raised.value.again


@pytest.mark.parametrize(
    "address",
    [
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "127.0.0.1",
        "127.255.255.254",
        "0.0.0.0",
        "169.254.169.254",
        "100.64.0.1",
        "192.0.2.1",
        "198.18.0.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "::127.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "2001:db8::1",
        "fc00::1",
        "fec0::1",
        "fe80::1%eth0",
        "ff02::1",
    ],
)
def test_addresses_that_are_not_on_the_public_internet(address: str) -> None:
    assert not fetch.is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "93.184.215.14", "2606:4700::1111", "::ffff:8.8.8.8"])
def test_addresses_on_the_public_internet(address: str) -> None:
    assert fetch.is_public(address)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "2130706433", "0x7f000001", "127.1", "0", "[::]"]
)
def test_our_own_network_is_out_of_reach(site: str, host: str) -> None:
    with pytest.raises(FetchFailed, match=r"not on the public internet|not found"):
        get(f"http://{host}:{site.rpartition(':')[2]}/file", allow_private=False)


def test_a_redirect_into_our_own_network_is_refused(site: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """127.0.0.1 plays the public server, 127.0.0.2 what must not be reached from it."""
    monkeypatch.setattr(fetch, "is_public", lambda address: address == "127.0.0.1")
    assert get(f"{site}/to?{site}/file", allow_private=False) == CONTENT
    with pytest.raises(FetchFailed, match=r'"127.0.0.2" is not on the public internet'):
        get(f"{site}/to?{site.replace('127.0.0.1', '127.0.0.2')}/file", allow_private=False)


def test_a_name_is_looked_up_once(site: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name server that answers differently the second time leads nowhere: the checked address is connected to."""
    looked_up = []

    def look_up(host: str, port: int, *args: Any, **kwargs: Any) -> list[Any]:
        if host != "127.0.0.1":
            looked_up.append(host)
            assert len(looked_up) == 1, "looked up again after the check"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    assert get(site.replace("127.0.0.1", "rebind.example") + "/file") == CONTENT
    assert looked_up == ["rebind.example"]


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("file:///etc/passwd", "Only http"),
        ("gopher://example.org/", "Only http"),
        ("http:///file", "not a valid address"),
        ("http://[::1/", "not a valid address"),
        ("http://example.org:99999/", "not a valid address"),
        ("http://user:secret@example.org/", "user name or a password"),
        ("scaledata://a/b", "Only http"),
        ("http://a\x00b/", "not found|failed"),
        ("http://" + "a" * 300 + ".example/", "not found|failed"),
    ],
)
def test_addresses_that_are_never_asked(url: str, reason: str) -> None:
    with pytest.raises(FetchFailed, match=reason):
        get(url, allow_private=False)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificate, and is not installed")
def test_a_certificate_that_nobody_vouches_for_is_refused(tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost"
    subprocess.run([*command.split(), "-keyout", key, "-out", certificate], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        with pytest.raises(FetchFailed, match="certificate is not trusted") as raised:
            get(f"https://localhost:{server.server_port}/file")
        assert not raised.value.again
    finally:
        server.shutdown()
        server.server_close()
