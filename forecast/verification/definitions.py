"""What each score means, one line each: printed beside the numbers, written into their attributes."""

from __future__ import annotations

DEFINITIONS: dict[str, str] = {
    "rmse": "root of the mean squared error over all scored times and cells (maps: weighted by area); 0 is best",
    "mae": "mean absolute error over all scored times and cells (maps: weighted by area); 0 is best",
    "bias": "mean of forecast - observed; 0 is best, positive is too high",
    "acc_pooled": "uncentred correlation of forecast and observed anomalies from the training climatology, over all "
    "scored times and cells at once; 1 is best",
    "acc_by_time": "uncentred correlation of the anomalies of each time's map, then the mean over times; 1 is best",
    "acc_by_time_centred": "as acc_by_time, with the map's mean anomaly taken away (WMO-No. 485); 1 is best",
    "smape": "mean of 200 |f - o| / (|f| + |o|), in %; 0 is best, only for quantities with a true zero",
    "mase": "mean absolute error over the in-sample error of the seasonal naive forecast in training; below 1 beats it",
    "crps": "continuous ranked probability score of the members' distribution, an absolute error of all; 0 is best",
    "pinball": "mean loss of a quantile: (o - f) q where o >= f, (f - o)(1 - q) elsewhere; 0 is best",
    "coverage": "share of observations between the lowest and the highest quantile; best equal to the nominal share",
    "nominal": "share that the interval promises, the difference of its outer quantiles' levels",
    "width": "mean distance from the lowest to the highest quantile; the narrower at the same coverage the better",
    "skill": "1 - MSE / MSE of the baseline (of mean squares, not of their roots); 1 is perfect, below 0 is worse",
    "pod": "probability of detection: hits / (hits + misses), counts weighted by area; 1 is best",
    "far": "false alarm ratio: false alarms / (hits + false alarms), counts weighted by area; 0 is best",
    "csi": "critical success index: hits / (hits + misses + false alarms), counts weighted by area; 1 is best",
    "frequency_bias": "how often the event is forecast over how often it happens; 1 is best",
    "brier": "mean squared difference of the members' probability and what happened (0 or 1); 0 is best",
    "fss": "fractions skill score: 1 - mean (F - O)² / mean (F² + O²) of the event's shares of a window; 1 is best",
    "probability": "mean forecast probability in a bin of probabilities",
    "frequency": "share of a bin's cases in which the event happened; best equal to the probability",
    "share": "share of all cases that fall in a bin",
    "spectrum": "mean power of the field by wavelength, over the scored times; below the truth's the field is blurred",
}

# Scores in the units of the data; the others are pure numbers, or what is named here.
IN_UNITS = ("rmse", "mae", "bias", "crps", "pinball", "width")
OTHER_UNITS = {"smape": "%"}


def units_of(score: str, units: str) -> str:
    """Return the unit of a score of data in ``units`` ("1" for a pure number)."""
    return units if score in IN_UNITS else OTHER_UNITS.get(score, "1")
