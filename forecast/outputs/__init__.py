"""What a network's outputs say: quantiles of each target, and sample paths, its own draws fed back step by step."""

from forecast.outputs.quantiles import outer, quantiles

__all__ = ["outer", "quantiles"]
