"""File formats, one file each: pure, both ways where a format is read and written."""
