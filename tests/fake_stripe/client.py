"""How a test starts the fake, commands it, and looks at its truth."""

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
KEY = "sk_test_fake"
WEBHOOK_SECRET = "whsec_fake"


class Fake:
    """A running fake; `base` is the address for the official client."""

    def __init__(self, port: int) -> None:
        self.base = f"http://127.0.0.1:{port}"

    def command(self, action: str, **asked: Any) -> Any:
        request = urllib.request.Request(f"{self.base}/_control/{action}", json.dumps(asked).encode())
        with urllib.request.urlopen(request, timeout=30) as reply:
            return json.loads(reply.read())

    def look(self) -> dict[str, Any]:
        return dict(self.command("look"))

    def transfers(self) -> list[dict[str, Any]]:
        return list(self.look()["transfers"].values())

    def calls(self, path: str = "/v1/transfers") -> list[dict[str, Any]]:
        return [call for call in self.look()["calls"] if call["path"] == path and call["method"] == "POST"]

    def fault(self, fault: str, times: int = 1) -> None:
        """The next transfers meet it: drop_before, drop_after, 401, 409, 429, 500_before, 500_after, slow:S, busy:S.

        `slow` waits after the commit, `busy` before it.
        """
        self.command("fault", fault=fault, times=times)

    def activate(self, account_id: str) -> None:
        self.command("account", id=account_id, transfers="active", payouts=True)

    def advance(self, hours: float) -> None:
        self.command("clock", advance_seconds=int(hours * 3600))


@contextmanager
def running(state_file: Path) -> Iterator[Fake]:
    """The fake as a process of its own, on a free port."""
    command = [sys.executable, "-m", "tests.fake_stripe", str(state_file)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield Fake(int(process.stdout.readline()))
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()
