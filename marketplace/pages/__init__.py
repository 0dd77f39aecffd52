"""The pages, one blueprint per audience."""

from flask import Blueprint

from marketplace.pages import public

BLUEPRINTS: tuple[Blueprint, ...] = (public.blueprint,)
