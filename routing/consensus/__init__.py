"""Consensus: several answers to the same question become one, with a calibrated confidence; one algorithm a file."""
