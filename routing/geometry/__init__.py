"""Boxes, cuboids and cameras, vectorized."""
