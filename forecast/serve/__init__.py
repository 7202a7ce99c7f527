"""The same questions over HTTP: OGC API - Environmental Data Retrieval 1.1, and the page's own compact answers."""

from forecast.serve.app import create_app

__all__ = ["create_app"]
