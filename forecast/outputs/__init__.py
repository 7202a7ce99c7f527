"""What a network's outputs say: quantiles of each target, and sample paths, its own draws fed back step by step."""

from forecast.outputs.paths import PATHS, sample_paths
from forecast.outputs.quantiles import outer, quantiles

__all__ = ["PATHS", "outer", "quantiles", "sample_paths"]
