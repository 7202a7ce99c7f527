"""Linear forecast of maps: ridge regression between the leading empirical orthogonal functions of the anomalies.

Anomalies about the climatology, times sqrt(cos latitude) so that the squared error is that of the area, are projected
on their leading principal components (von Storch and Zwiers 1999, chapter 13); the newest components and those of the
steps before it forecast every lead (a linear inverse model without its Markov assumption; Penland and Sardeshmukh 1995,
J. Climate 8, 1999-2024). For each lead the number of components, of steps and the penalty are those that do best on the
validation span.
"""

from __future__ import annotations

import numpy as np
import scipy.linalg
import xarray as xr

from forecast import climatology, schema
from forecast.baselines import ridge
from forecast.baselines.base import lagged, last_observed
from forecast.errors import ForecastError

COMPONENTS = (10, 20, 40, 80, 160)
LAGS = (1, 2, 3, 4)
# A map with fewer of its cells observed is no reference and no target when the regression is fitted.
SEEN = 0.5


def fit(train: xr.DataArray, joined: xr.DataArray, choose: tuple[int, int], leads: int) -> xr.Dataset:
    """Learn climatology, components and regression from the training span.

    Args:
        train: target (time, lat, lon).
        joined: the axis that begins with ``train`` and holds the steps that choose.
        choose: first step of ``joined`` that chooses, and one past the last.
        leads: number of leads.

    Returns:
        The climatology with ``pattern`` (component, lat, lon), the maps that components multiply, ``projection``
        (component, lat, lon), which gives components from anomalies, ``weight`` (lead, lag, component, to), and what
        was chosen for each lead.

    Raises:
        ForecastError: fewer than two training maps are observed in half of their cells.
    """
    usual = climatology.fit(train)
    root = _root_weights(train)
    z_TC, known_T = _weighted(joined, usual, root)
    count = train.sizes[schema.TIME]
    if known_T[:count].sum() < 2:
        expected = f"2 training maps of {train.name} or more with {SEEN:.0%} of their cells observed"
        raise ForecastError(expected, f"{known_T[:count].sum()}", "leave `linear` out of `baselines`, or fill the maps")
    vectors = _leading(z_TC[:count][known_T[:count]])
    component_TK = z_TC @ vectors
    features = lagged(component_TK, max(LAGS))
    start, stop = choose
    learn = ridge.sums(features, component_TK, known_T, leads, 0, min(start, count))
    judge = ridge.sums(features, component_TK, known_T, leads, start, stop)
    width = vectors.shape[1]
    sizes = [(k, p) for k in sorted({min(k, width) for k in COMPONENTS}) for p in LAGS]
    columns = [(np.arange(p)[:, None] * width + np.arange(k)).ravel() for k, p in sizes]
    whole = learn if start >= count else ridge.sums(features, component_TK, known_T, leads, 0, count)
    weight, _, pick = ridge.choose(learn, judge, whole, columns)
    return usual.assign(_fitted(vectors, root, weight, train)).assign(
        components=("forecast_lead", np.array([sizes[c][0] for c, _ in pick])),
        lags=("forecast_lead", np.array([sizes[c][1] for c, _ in pick])),
        penalty=("forecast_lead", np.array([penalty for _, penalty in pick])),
    )


def forecast(fitted: xr.Dataset, observed: xr.DataArray, usual: np.ndarray, ahead: np.ndarray) -> np.ndarray:
    """Forecast anomalies and add the climatology.

    Args:
        fitted: what ``fit`` returned.
        observed: target (time, lat, lon).
        usual: climatology (time + leads, lat, lon) over the observed steps and the leads after them.
        ahead: positions (reference, lead) on that axis; a reference is the step before its first.

    Returns:
        Values (reference, lead, lat, lon).
    """
    weight = fitted["weight"].values
    anomaly, _ = last_observed(observed.values - usual[: observed.sizes[schema.TIME]])
    projection = fitted["projection"].values.reshape(weight.shape[3], -1)
    component_TK = np.nan_to_num(anomaly.reshape(len(anomaly), -1), nan=0.0) @ projection.T
    features = lagged(component_TK, weight.shape[1])[ahead[:, 0] - 1]
    pattern = fitted["pattern"].values.reshape(weight.shape[3], -1)
    coefficient = weight.reshape(weight.shape[0], -1, weight.shape[3])
    departure = np.stack([features @ matrix @ pattern for matrix in coefficient], axis=1)
    return usual[ahead] + departure.reshape(*ahead.shape, *usual.shape[1:])


def inverse(fitted: xr.Dataset, train: xr.DataArray) -> np.ndarray:
    """Return (F'F + p I)^-1 over the training steps, (lead, feature, feature), 0 for features that a lead leaves out.

    With it the forecast of a training step can be made as if the regression had not seen that step: what is to learn
    from the rest that the regression leaves must not see how well it fits its own steps.

    Args:
        fitted: what ``fit`` returned.
        train: target (time, lat, lon), the training steps that it learned from.
    """
    leads, lags, width, _ = fitted["weight"].shape
    root = _root_weights(train)
    z_TC, known_T = _weighted(train, fitted, root)
    features = lagged(z_TC @ (fitted["projection"].values.reshape(width, -1) / root).T, lags)
    found = np.zeros((leads, features.shape[1], features.shape[1]))
    for lead in range(leads):
        rows = known_T[: len(known_T) - lead - 1] & known_T[lead + 1 :]
        k, p = int(fitted["components"][lead]), int(fitted["lags"][lead])
        columns = (np.arange(p)[:, None] * width + np.arange(k)).ravel()
        x = features[: len(rows)][rows][:, columns]
        gram = x.T @ x
        shift = float(fitted["penalty"][lead]) * np.trace(gram) / len(columns)
        found[lead][np.ix_(columns, columns)] = np.linalg.inv(gram + shift * np.eye(len(columns)))
    return found


def _weighted(data: xr.DataArray, usual: xr.Dataset, root: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return weighted anomalies (time, cell), the last observed carried forward, and which maps were observed."""
    expected = climatology.at(usual, data[schema.TIME].values).values
    anomaly = (data.values - expected).reshape(len(data), -1)
    cells = np.isfinite(expected[0]).sum()
    known = np.isfinite(anomaly).sum(axis=1) >= max(1, SEEN * cells)
    filled, _ = last_observed(anomaly)
    return np.nan_to_num(filled, nan=0.0) * root, known


def _root_weights(data: xr.DataArray) -> np.ndarray:
    """Return sqrt of the area weights, shape (cell,); a pole's cells keep a small weight that can be divided by."""
    weights = schema.area_weights(data)
    assert weights is not None
    rows, columns = (data.sizes[dim] for dim in schema.space_dims(data))
    root = np.sqrt(np.maximum(weights.values, 1e-6))
    return np.broadcast_to(root.reshape(rows, -1), (rows, columns)).ravel()


def _leading(z_TC: np.ndarray) -> np.ndarray:
    """Return the leading principal directions (cell, component) from the smaller of the two Gram matrices."""
    steps, cells = z_TC.shape
    gram = z_TC.T @ z_TC if cells <= steps else z_TC @ z_TC.T
    count = min(max(COMPONENTS), len(gram))
    value, vector = scipy.linalg.eigh(gram, subset_by_index=(len(gram) - count, len(gram) - 1))
    keep = value > value[-1] * 1e-10 if value[-1] > 0 else np.arange(count) == count - 1
    value, vector = value[keep][::-1], vector[:, keep][:, ::-1]
    if cells <= steps:
        return vector
    return z_TC.T @ vector / np.sqrt(np.maximum(value, np.finfo(float).tiny))


def _fitted(
    vectors: np.ndarray, root: np.ndarray, weight: np.ndarray, train: xr.DataArray
) -> dict[str, tuple[tuple[str, ...], np.ndarray]]:
    leads, features, width = weight.shape
    space, shape = ("component", *schema.space_dims(train)), train.shape[1:]
    return {
        "pattern": (space, (vectors.T / root).reshape(width, *shape)),
        "projection": (space, (vectors.T * root).reshape(width, *shape)),
        "weight": (("forecast_lead", "lag", "component", "to"), weight.reshape(leads, features // width, width, width)),
    }
