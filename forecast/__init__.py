"""forecast: one pipeline for time series and gridded weather maps, from archive to query."""

# The GRIB reader brings an old libsqlite3, which xarray loads for all as soon as it lists its engines; MLflow refuses
# it. Python's own stands if it was there first.
import sqlite3  # noqa: F401

__version__ = "0.1.0"
