"""The pages, one blueprint per audience."""

from flask import Blueprint

from marketplace.pages import customer, labeler, operator, public, review

BLUEPRINTS: tuple[Blueprint, ...] = (
    public.blueprint,
    labeler.blueprint,
    customer.blueprint,
    operator.blueprint,
    review.blueprint,
)
