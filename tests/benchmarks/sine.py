"""Sine: the study of five seeds; the median error beside its goal, LSTM and GRU at most 0.005 over ten periods."""

from __future__ import annotations

import time
from statistics import median

from forecast.process import settle

settle()

from forecast.studies import sine  # noqa: E402  (after the settings of the process)

GOALS = {"lstm": 0.005, "gru": 0.005}


def main() -> None:
    """Run the study and print its table, then the goals."""
    begun = time.perf_counter()
    result = sine.run(seeds=5)
    print(result.attrs["table"])
    for name, goal in GOALS.items():
        reached = median(float(value) for value in result["rmse"].sel(model=name, horizon=10).values)
        print(f"{name}: {reached:.4f} over ten periods, goal {goal}: ratio {reached / goal:.2f}")
    print(f"{result.sizes['model'] * result.sizes['seed']} networks in {time.perf_counter() - begun:.0f} s")


if __name__ == "__main__":
    main()
