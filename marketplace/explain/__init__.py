"""Decisions and measurements in plain words, from the numbers that were stored with them; pure."""
