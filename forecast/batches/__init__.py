"""The one bridge from data to tensors: tapes, streams over them for training, an unbroken pass for forecasting."""

from forecast.batches.base import Tapes
from forecast.batches.labelled import Frames, frames
from forecast.batches.sequences import Sequences
from forecast.batches.streams import Chunk, Streams
from forecast.batches.unbroken import run

__all__ = ["Chunk", "Frames", "Sequences", "Streams", "Tapes", "frames", "run"]
