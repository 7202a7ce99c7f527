"""Sources: files and services become one canonical Dataset of observations (contract: base.py)."""

SOURCES = {
    "grid_files": "forecast.sources.grid_files:GridFiles",
    "series_table": "forecast.sources.series_table:SeriesTable",
    "noaa_psl": "forecast.sources.noaa_psl:NoaaPsl",
    "nyc_weather": "forecast.sources.nyc_weather:NycWeather",
    "simulated": "forecast.sources.simulated:Simulated",
    "sine": "forecast.sources.sine:Sine",
}
