"""What a refit learns of a project from all its answers; the job that calls it is pipeline/refit.py."""
