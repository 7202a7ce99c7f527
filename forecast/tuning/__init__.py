"""Search: what may be tried, which trial comes next, and a journal from which a search that was killed goes on."""

from forecast.tuning.search import Attempt, Pruned, Search, Tried
from forecast.tuning.spaces import Choice, Range, Space, first, nested, space

__all__ = ["Attempt", "Choice", "Pruned", "Range", "Search", "Space", "Tried", "first", "nested", "space"]
