"""What was tried, in MLflow: runs, metrics, tables, figures, models, and the alias that names the champion.

One parent run a pipeline, one child a model or baseline. Everything goes through ``MlflowClient`` with the store's
address given, so nothing depends on a current directory or on a process-wide setting. A store that does not answer
raises ``ForecastError`` within seconds: forecasting never waits for it, and the caller decides what follows.
"""

from __future__ import annotations

import os

# MLflow reads these when it is imported, or at a request; a value that is set already stands. Nothing leaves the
# machine unasked, and a server that is down holds a run up for seconds (MLflow's own: 7 tries, 120 s each).
_DEFAULTS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
}
for _name, _value in _DEFAULTS.items():
    os.environ.setdefault(_name, _value)

from forecast.tracking.finished import Finished, find, newest  # noqa: E402
from forecast.tracking.run import Run  # noqa: E402
from forecast.tracking.tracker import Tracker  # noqa: E402

__all__ = ["Finished", "Run", "Tracker", "find", "newest"]
