"""Identifiers of everything that people and programs see: 24 hexadecimal digits in order of creation."""

import itertools
import os
import secrets
import time
from datetime import datetime

_counter = itertools.count(secrets.randbelow(1 << 20))
_process = (os.getpid(), secrets.token_hex(3))


def new_id() -> str:
    """48 bits of milliseconds, 24 bits of process, 24 bits of counter.

    Two ids made one after the other in one process sort in that order, so that a list "newest first" has no ties even
    for tasks created in the same millisecond.
    """
    global _process
    if _process[0] != os.getpid():  # forked workers must not share the random part
        _process = (os.getpid(), secrets.token_hex(3))
    milliseconds = time.time_ns() // 1_000_000
    return f"{milliseconds:012x}{next(_counter) & 0xFFFFFF:06x}{_process[1]}"


def first_id_at(moment: datetime) -> str:
    """Below every id that was made at this moment or later."""
    return f"{int(moment.timestamp() * 1_000):012x}{0:012x}"
