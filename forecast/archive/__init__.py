"""What has been observed: append-only, versioned, idempotent by content."""

from forecast.archive.archive import Archive
from forecast.archive.receipt import Receipt

__all__ = ["Archive", "Receipt"]
