"""What the pages show, read from the rows: plain functions that return dataclasses and change nothing."""
