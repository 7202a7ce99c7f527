"""The one bridge from data to tensors: tapes, streams over them for training, an unbroken pass for forecasting."""

from forecast.batches.base import Tapes
from forecast.batches.labelled import Frames, frames
from forecast.batches.panel import Panel, panel
from forecast.batches.sequences import Sequences
from forecast.batches.streams import Chunk, Streams
from forecast.batches.unbroken import run

__all__ = ["Chunk", "Frames", "Panel", "Sequences", "Streams", "Tapes", "frames", "panel", "run"]
