"""Public data sets as they lie on disk, one file each, read into drives: a frame at a time."""
