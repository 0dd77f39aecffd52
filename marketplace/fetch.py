"""Asking customers' servers by URL, safely: no way into our own network, and an end in bytes and in time.

The host's addresses are looked up once and checked, and the connection goes to the very address that was checked, so
that a name that changes its mind between the two (DNS rebinding) gains nothing. Redirects are followed one by one
through the same check. Proxies of the environment are not used: they would look the name up again.
"""

import http.client
import ipaddress
import socket
import ssl
import threading
import time
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from types import MappingProxyType
from urllib.parse import SplitResult, quote, urljoin, urlsplit

import certifi

from marketplace.errors import LabelyardError

REDIRECTS_MAX = 5
REDIRECTS = {301, 302, 303, 307, 308}
CONNECT_SECONDS_MAX = 10.0
CHUNK_BYTES = 256 * 1024
PORTS = {"http": 80, "https": 443}
AGENT = "Labelyard/1.0"


class FetchFailed(LabelyardError):
    """An attachment that could not be had; `status_code` is the other server's, where it answered."""

    def __init__(self, message: str, status_code: int | None = None, *, again: bool = False) -> None:
        super().__init__(message)
        self.status_code = status_code
        self.again = again  # it may go better in a moment


def fetch(url: str, *, bytes_max: int, seconds: float, allow_private: bool = False) -> bytes:
    """The content under an http(s) address; raises FetchFailed."""
    deadline = time.monotonic() + seconds
    for _ in range(REDIRECTS_MAX + 1):
        try:
            with _connected(url, deadline, allow_private) as connection:
                response = _ask(connection, url)
                if response.status not in REDIRECTS:
                    return _content(response, bytes_max, deadline)
                target = urljoin(url, response.headers.get("Location") or "")
        except (OSError, http.client.HTTPException, ValueError, zlib.error) as error:
            if time.monotonic() >= deadline:
                raise FetchFailed(f"It took longer than {seconds:g} s.", again=True) from error
            raise FetchFailed(f"The connection failed: {_reason(error)}", again=_is_passing(error)) from error
        if urlsplit(url).scheme == "https" and urlsplit(target).scheme != "https":
            raise FetchFailed("It redirects from https to an address without it.")
        url = target
    raise FetchFailed(f"It redirects more than {REDIRECTS_MAX} times.")


def post(url: str, body: bytes, headers: Mapping[str, str], *, seconds: float, allow_private: bool = False) -> int:
    """Send something to an http(s) address; the status of the answer, whose content nobody reads. Raises FetchFailed.

    Redirects are not followed: the content was signed for the address that the customer gave.
    """
    deadline = time.monotonic() + seconds
    try:
        with _connected(url, deadline, allow_private) as connection:
            return _ask(connection, url, "POST", body, headers).status
    except (OSError, http.client.HTTPException, ValueError) as error:
        if time.monotonic() >= deadline:
            raise FetchFailed(f"It took longer than {seconds:g} s.", again=True) from error
        raise FetchFailed(f"The connection failed: {_reason(error)}", again=_is_passing(error)) from error


def _ask(
    connection: http.client.HTTPConnection,
    url: str,
    method: str = "GET",
    body: bytes | None = None,
    more: Mapping[str, str] = MappingProxyType({}),
) -> http.client.HTTPResponse:
    parts = urlsplit(url)
    path = quote(parts.path or "/", safe="/%:=&~+!$,;'@()*") + (
        f"?{quote(parts.query, safe='/%:=&?~+!$,;@()*')}" if parts.query else ""
    )
    headers = {"Host": _host_header(parts), "User-Agent": AGENT, "Accept": "*/*", "Accept-Encoding": "identity"}
    connection.request(method, path, body, {**headers, **more})
    return connection.getresponse()


def _host_header(parts: SplitResult) -> str:
    host = _ascii(parts.hostname or "")
    host = f"[{host}]" if ":" in host else host
    return host if parts.port in (None, PORTS[parts.scheme]) else f"{host}:{parts.port}"


def _ascii(host: str) -> str:
    return host if host.isascii() else host.encode("idna").decode()


def _content(response: http.client.HTTPResponse, bytes_max: int, deadline: float) -> bytes:
    if response.status != 200:
        again = response.status >= 500 or response.status in (408, 429)
        raise FetchFailed(f"The server answered {response.status}.", response.status, again=again)
    too_large = FetchFailed(f"It is larger than {bytes_max:,} bytes.", response.status)
    if (response.length or 0) > bytes_max:
        raise too_large
    packed = response.headers.get("Content-Encoding", "").lower() in ("gzip", "deflate")
    unpack = zlib.decompressobj(wbits=47) if packed else None
    content, received = bytearray(), 0
    while chunk := response.read1(CHUNK_BYTES):
        received += len(chunk)
        content += unpack.decompress(chunk, bytes_max + 1 - len(content)) if unpack else chunk
        if max(len(content), received) > bytes_max:
            raise too_large
        if time.monotonic() >= deadline:
            raise TimeoutError
    if response.length or time.monotonic() >= deadline or (unpack and not unpack.eof):
        raise ConnectionError("it ended before all of it had come")
    return bytes(content)


# Connections


@contextmanager
def _connected(url: str, deadline: float, allow_private: bool) -> Iterator[http.client.HTTPConnection]:
    """A connection to a checked address of the URL's host, cut off at the deadline whatever it is doing then."""
    parts = check_url(url)
    port = parts.port or PORTS[parts.scheme]
    host = _ascii(parts.hostname or "")
    sock = _open(addresses_of(host, port, allow_private=allow_private), port, deadline)
    if parts.scheme == "https":
        try:
            sock = _tls().wrap_socket(sock, server_hostname=host)
        except BaseException:
            sock.close()
            raise
    connection = http.client.HTTPConnection(host, port)
    connection.sock = sock
    connection.auto_open = 0  # never connect by name
    # A server that sends a byte a second never runs into a socket's time-out. The base class's `shutdown` ends the
    # connection beneath TLS, which would otherwise wait for the reader.
    cut = threading.Timer(max(0.0, deadline - time.monotonic()), _cut, [sock])
    cut.daemon = True
    cut.start()
    try:
        yield connection
    finally:
        cut.cancel()
        connection.close()


def _cut(sock: socket.socket) -> None:
    try:
        socket.socket.shutdown(sock, socket.SHUT_RDWR)
    except OSError:
        return  # it has ended by itself


def check_url(url: str) -> SplitResult:
    """The parts of an address that may be fetched as far as its text tells; raises FetchFailed."""
    try:
        parts = urlsplit(url)
        valid = parts.port != 0  # reading it checks its range
    except ValueError as error:
        raise FetchFailed("It is not a valid address.") from error
    if parts.scheme not in PORTS:
        raise FetchFailed("Only http and https addresses are fetched.")
    if not (parts.hostname and valid):
        raise FetchFailed("It is not a valid address.")
    if parts.username is not None or parts.password is not None:
        raise FetchFailed("An address with a user name or a password in it is not fetched; use a signed address.")
    return parts


def addresses_of(host: str, port: int, *, allow_private: bool = False) -> list[str]:
    """All addresses of a host; raises FetchFailed if any of them is not a public one."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise FetchFailed(f'The host "{host}" was not found.', again=True) from error
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    if not allow_private and not all(is_public(address) for address in addresses):
        raise FetchFailed(f'The host "{host}" is not on the public internet.')
    return addresses


def is_public(address: str) -> bool:
    """Whether an address is a single host's on the public internet, an IPv4 address inside an IPv6 one included."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    inner: list[ipaddress.IPv4Address] = []
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is not None:
            return is_public(str(ip.ipv4_mapped))
        if ip.is_site_local:  # no longer given out, and Python takes it for global
            return False
        inner = [*filter(None, (ip.sixtofour,)), *(ip.teredo or ())]
    closed = ip.is_multicast or ip.is_reserved or ip.is_unspecified or ip.is_loopback or ip.is_link_local
    return ip.is_global and not closed and all(is_public(str(one)) for one in inner)


def _open(addresses: list[str], port: int, deadline: float) -> socket.socket:
    failure: OSError = ConnectionError("there is no address")
    for address in addresses:
        left = deadline - time.monotonic()
        if left <= 0:
            break
        try:
            sock = socket.create_connection((address, port), timeout=min(left, CONNECT_SECONDS_MAX))
        except OSError as error:
            failure = error
            continue
        sock.settimeout(max(0.01, deadline - time.monotonic()))
        return sock
    raise failure


@cache
def _tls() -> ssl.SSLContext:
    """Certificates verified and names checked, against the system's authorities and the well-known ones."""
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return context


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the certificate is not trusted ({error.verify_message})."
    if isinstance(error, TimeoutError):
        return "no answer."
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return f"{text or type(error).__name__}."


def _is_passing(error: Exception) -> bool:
    return not isinstance(error, ssl.SSLCertVerificationError | ValueError | zlib.error)
