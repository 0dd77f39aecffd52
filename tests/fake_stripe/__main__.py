"""`python -m tests.fake_stripe STATE_FILE`: serves until killed; prints the port, and continues from the file."""

import sys
from pathlib import Path

from tests.fake_stripe.server import FakeStripe, serve
from tests.fake_stripe.state import State


def main() -> None:
    server = serve(FakeStripe(State(Path(sys.argv[1])), key="sk_test_fake"), port=0)
    print(server.server_address[1], flush=True)  # noqa: T201  the parent reads it
    server.serve_forever()


main()
