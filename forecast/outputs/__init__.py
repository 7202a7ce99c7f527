"""What a network's outputs say: quantiles of each target, and sample paths, its own draws fed back step by step."""

from forecast.outputs.paths import PATHS, demand_steps, sample_paths
from forecast.outputs.quantiles import of_paths, outer, quantiles

__all__ = ["PATHS", "demand_steps", "of_paths", "outer", "quantiles", "sample_paths"]
