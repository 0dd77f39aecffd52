"""The pages, one blueprint per audience."""

from flask import Blueprint

from marketplace.pages import customer, finance, labeler, operator, public, review

BLUEPRINTS: tuple[Blueprint, ...] = (
    public.blueprint,
    labeler.blueprint,
    customer.blueprint,
    finance.blueprint,
    operator.blueprint,
    review.blueprint,
)
