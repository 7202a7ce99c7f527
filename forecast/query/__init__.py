"""The read side: issued forecasts at a place, over an area, on a day, with their interval, baselines and skill."""

from forecast.query.issue import Issue
from forecast.query.names import NotFound
from forecast.query.reader import Reader, open, pipelines

__all__ = ["Issue", "NotFound", "Reader", "open", "pipelines"]
