"""forecast: one pipeline for time series and gridded weather maps, from archive to query."""

__version__ = "0.1.0"
