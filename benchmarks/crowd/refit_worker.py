"""One refit of the labels in an npz file, in a process of its own: prints what it took as JSON."""

import json
import resource
import sys
import time

import numpy as np
import psutil

from routing.consensus import classes
from routing.consensus.labels import Labels


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


def main() -> None:
    with np.load(sys.argv[1]) as file:
        data = {name: file[name] for name in file.files}
    import scipy.sparse  # noqa: F401 - the peer's process has its imports done too

    before = psutil.Process().memory_info().rss / 2**20
    wall, cpu = time.perf_counter(), time.process_time()
    sizes = (int(data["tasks"]), int(data["workers"]), int(data["classes"]))
    fit = classes.refit(Labels(data["task"], data["worker"], data["label"], *sizes))
    took = {"seconds": time.perf_counter() - wall, "cpu_seconds": time.process_time() - cpu}
    accuracy = float((fit.posterior.argmax(axis=1) == data["truth"]).mean())
    print(json.dumps(took | {"before_mb": before, "peak_mb": peak_mb(), "accuracy": accuracy}))


if __name__ == "__main__":
    main()
