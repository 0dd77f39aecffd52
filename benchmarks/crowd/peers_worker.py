"""Runs in the peers' virtual environment: one JSON request a line, one of crowd-kit's methods, one line back.

Nothing of Labelyard is imported here. Inputs and outputs are npz files of plain arrays.
"""

import json
import os
import resource
import sys
import time
import warnings

import crowdkit.aggregation as ck
import numpy as np
import pandas as pd


def frame(given):
    return pd.DataFrame({"task": given["task"], "worker": given["worker"], "label": given["label"]})


def answer(given, labels=None, probabilities=None):
    """(tasks, classes) probabilities, one-hot where the method has none, and the chosen class or -1."""
    tasks, classes = int(given["tasks"]), int(given["classes"])
    chosen = np.full(tasks, -1)
    if labels is not None:
        chosen[labels.index.to_numpy(int)] = labels.to_numpy(int)
    table = np.zeros((tasks, classes))
    if probabilities is not None:
        rows, columns = probabilities.index.to_numpy(int), probabilities.columns.to_numpy(int)
        table[np.ix_(rows, columns)] = probabilities.fillna(0).to_numpy()
        if labels is None:
            chosen[rows] = columns[probabilities.to_numpy().argmax(axis=1)]
    else:
        table[np.arange(tasks), np.maximum(chosen, 0)] = 1
    return {"chosen": chosen, "probability": table}


def classifier(make, with_probability=True):
    def run(given):
        model = make(given)
        model.fit(frame(given))
        return answer(given, model.labels_, model.probas_ if with_probability else None)

    return run


def share(make):
    """Majority, Wawa and Zero-Based Skill state the share of (weighted) votes as probability."""

    def run(given):
        data = frame(given)
        probabilities = make(given).fit_predict_proba(data)
        return answer(given, make(given).fit_predict(data), probabilities)

    return run


def rover(given):
    """Texts of words between spaces."""
    data = pd.DataFrame({"task": given["task"], "worker": given["worker"], "text": given["text"]})
    found = ck.ROVER(tokenizer=lambda text: text.split(" "), detokenizer=" ".join).fit_predict(data)
    return {"task": found.index.to_numpy(int), "text": found.to_numpy(str)}


def bradley_terry(given):
    """Scores of things 0, 1, ... from choices between `left` and `right`."""
    data = pd.DataFrame({name: given[name] for name in ("left", "right", "label", "worker")})
    found = ck.BradleyTerry(n_iter=100).fit_predict(data)
    return {"thing": found.index.to_numpy(int), "score": found.to_numpy(float)}


METHODS = {
    "rover": rover,
    "bradley_terry": bradley_terry,
    "majority": share(lambda given: ck.MajorityVote()),
    "wawa": share(lambda given: ck.Wawa()),
    "zbs": share(lambda given: ck.ZeroBasedSkill()),
    "dawid_skene": classifier(lambda given: ck.DawidSkene()),
    "one_coin": classifier(lambda given: ck.OneCoinDawidSkene()),
    "glad": classifier(lambda given: ck.GLAD()),
    "mace": classifier(lambda given: ck.MACE(random_state=int(given.get("seed", 0)))),
    "mmsr": lambda given: answer(given, ck.MMSR(random_state=int(given.get("seed", 0))).fit_predict(frame(given))),
    "kos": classifier(lambda given: ck.KOS(random_state=int(given.get("seed", 0))), with_probability=False),
}


def memory_mb():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def peak_mb():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


def run(request):
    with np.load(request["given"], allow_pickle=False) as file:
        given = {name: file[name] for name in file.files}
    before = memory_mb() if sys.platform == "linux" else 0.0
    wall, cpu = time.perf_counter(), time.process_time()
    found = METHODS[request["method"]](given)
    took = {"seconds": time.perf_counter() - wall, "cpu_seconds": time.process_time() - cpu}
    np.savez(request["found"], **found)
    return {"took": took | {"before_mb": before, "peak_mb": peak_mb()}}


def main():
    warnings.simplefilter("ignore")
    replies = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # whatever a peer prints must not stand among the replies
    replies.write("ready\n")
    for line in sys.stdin:
        try:
            reply = run(json.loads(line))
        except Exception as error:  # noqa: BLE001 - whatever a peer raises is its result
            reply = {"error": f"{type(error).__name__}: {str(error)[:80]}"}
        replies.write(json.dumps(reply) + "\n")


if __name__ == "__main__":
    main()
