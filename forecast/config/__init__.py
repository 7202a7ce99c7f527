"""One pipeline as frozen models read from TOML."""

from forecast.config.pipeline import Pipeline, load, parse
from forecast.config.sections import Member, Split, Task, Verification

__all__ = ["Member", "Pipeline", "Split", "Task", "Verification", "load", "parse"]
