"""An LSTM of darts, as its documentation has it; the third word from the end says which of its two. See cost.py."""

from __future__ import annotations

import json
import logging
import sys
import warnings

import torch

torch.set_num_threads(1)
warnings.simplefilter("ignore")
logging.disable(logging.WARNING)

import numpy as np  # noqa: E402
from darts import TimeSeries  # noqa: E402
from darts.models import BlockRNNModel, RNNModel  # noqa: E402

kind, path, updates, _, window, leads, hidden, batch = *sys.argv[1:3], *map(int, sys.argv[3:])
series = TimeSeries.from_values(np.load(path))
trainer = {
    "max_steps": updates,
    "max_epochs": -1,
    "accelerator": "cpu",
    "enable_progress_bar": False,
    "enable_model_summary": False,
    "enable_checkpointing": False,
    "logger": False,
}
common = {
    "model": "LSTM",
    "input_chunk_length": window,
    "hidden_dim": hidden,
    "n_rnn_layers": 1,
    "batch_size": batch,
    "n_epochs": 1_000_000,
    "optimizer_kwargs": {"lr": 1e-3},
    "random_state": 0,
    "pl_trainer_kwargs": trainer,
}
if kind == "block":
    model = BlockRNNModel(output_chunk_length=leads, **common)
else:
    model = RNNModel(training_length=window + leads, **common)
model.fit(series)
done = model.trainer.global_step
forecast = model.predict(leads).values()[:, 0].tolist()
print(json.dumps({"forecast": forecast, "updates": done}))
