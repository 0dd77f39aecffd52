"""A seeded street with sensors: drives for the demo world and for tests, with exact truth."""
