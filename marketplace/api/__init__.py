"""The APIs: the customers' /v1, the labelers' /labeler, signed media links, Stripe's webhooks, and their reference."""

from flask import Flask


def init_api(app: Flask) -> None:
    """Register the blueprints, and describe those of the APIs in one OpenAPI document."""
    from marketplace.api import batches, crew, files, labeler, media, new_tasks, projects, reference, stripe, tasks
    from marketplace.api.blueprint import DescribedApi, blueprint

    assert batches and crew and files and new_tasks and projects and tasks  # their views stand on the one blueprint
    app.config.update(API_TITLE="Labelyard", API_VERSION="1", OPENAPI_VERSION="3.1.0")
    api = DescribedApi(app)
    api.register_blueprint(blueprint)
    app.register_blueprint(labeler.blueprint)
    app.register_blueprint(media.blueprint)
    app.register_blueprint(stripe.blueprint)
    reference.init_reference(app, api)
