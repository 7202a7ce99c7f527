"""What each score means, one line each: printed beside the numbers, written into their attributes."""

from __future__ import annotations

DEFINITIONS: dict[str, str] = {
    "rmse": "root of the mean squared error over all scored times and cells (maps: cos-latitude weights); 0 is best",
    "mae": "mean absolute error over all scored times and cells (maps: cos-latitude weights); 0 is best",
    "bias": "mean of forecast - observed; 0 is best, positive is too high",
    "acc": "uncentred correlation of forecast and observed anomalies from the training climatology; 1 is best",
    "smape": "mean of 200 |f - o| / (|f| + |o|), in %; 0 is best, only for quantities with a true zero",
    "mase": "mean absolute error over the in-sample error of the seasonal naive forecast in training; below 1 beats it",
    "crps": "continuous ranked probability score of the members' distribution, an absolute error of all; 0 is best",
    "coverage": "share of observations between the lowest and the highest quantile; best equal to the nominal share",
    "nominal": "share that the interval promises, the difference of its outer quantiles' levels",
    "width": "mean distance from the lowest to the highest quantile; the narrower at the same coverage the better",
    "skill": "1 - MSE / MSE of the baseline (of mean squares, not of their roots); 1 is perfect, below 0 is worse",
}

# Scores in the units of the data; the others are pure numbers, or what is named here.
IN_UNITS = ("rmse", "mae", "bias", "crps", "width")
OTHER_UNITS = {"smape": "%"}


def units_of(score: str, units: str) -> str:
    """Return the unit of a score of data in ``units`` ("1" for a pure number)."""
    return units if score in IN_UNITS else OTHER_UNITS.get(score, "1")
