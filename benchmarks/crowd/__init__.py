"""The tables of measured consensus on real crowds' answers: `python -m benchmarks.crowd --data DIR`."""
