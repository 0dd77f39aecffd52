"""The Flask application: all that people and programs touch."""
