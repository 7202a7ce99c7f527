"""The one bridge from labelled arrays to tensors: frames, streams for training, an unbroken pass for forecasting."""

from forecast.batches.streams import Chunk, Streams
from forecast.batches.tapes import Frames, frames
from forecast.batches.unbroken import run

__all__ = ["Chunk", "Frames", "Streams", "frames", "run"]
