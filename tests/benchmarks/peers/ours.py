"""An LSTM of ours, as a user of the library writes it: a series in a file in, a forecast out. See cost.py."""

from __future__ import annotations

import json
import sys

from forecast.process import settle

settle(threads=1)

import numpy as np  # noqa: E402
import torch  # noqa: E402

from forecast.batches import Frames, Streams  # noqa: E402
from forecast.models.base import Shape, create  # noqa: E402
from forecast.models.lstm import LSTM  # noqa: E402
from forecast.training.settings import Training  # noqa: E402
from forecast.training.tbptt import train  # noqa: E402

path, updates, epochs, window, leads, hidden, batch = sys.argv[1], *map(int, sys.argv[2:])
values = np.load(path, mmap_mode="r")
tape = Frames(values[None, :, None], targets=1, leads=leads)
starts = np.random.default_rng(0).integers(0, len(values) - window - leads, updates // epochs * batch)
windows = np.stack([np.zeros_like(starts), starts, starts + window], axis=1)
streams = Streams(tape, windows, batch, window, valid=(0, len(values)), whole=True)
network = create(LSTM, Shape(inputs=1, leads=leads), {"hidden": hidden, "dropout": 0.0}, seed=0)
settings = Training(k1=window, k2=window, streams=batch, epochs=epochs, patience=epochs, learning_rate=1e-3)
done = train(network, streams, None, settings)
with torch.inference_mode():
    y, _ = network(torch.from_numpy(values[None, -window:, None].copy()))
forecast = y[0, -1, :, 0].tolist()
print(json.dumps({"forecast": forecast, "updates": done.epochs * len(streams)}))
