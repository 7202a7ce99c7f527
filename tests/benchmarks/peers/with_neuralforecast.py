"""An LSTM of neuralforecast, as its documentation has it. See cost.py."""

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
import pandas as pd  # noqa: E402
from neuralforecast import NeuralForecast  # noqa: E402
from neuralforecast.losses.pytorch import MSE  # noqa: E402
from neuralforecast.models import LSTM  # noqa: E402

path, updates, _, window, leads, hidden, batch = sys.argv[1], *map(int, sys.argv[2:])
values = np.load(path)
frame = pd.DataFrame({"unique_id": "one", "ds": np.arange(len(values)), "y": values})
model = LSTM(
    h=leads,
    input_size=window,
    encoder_n_layers=1,
    encoder_hidden_size=hidden,
    decoder_hidden_size=hidden,
    decoder_layers=1,
    loss=MSE(),
    max_steps=updates,
    learning_rate=1e-3,
    batch_size=1,
    windows_batch_size=batch,
    scaler_type="identity",
    random_seed=1,
    accelerator="cpu",
    enable_progress_bar=False,
    enable_model_summary=False,
    enable_checkpointing=False,
    logger=False,
)
all_of_it = NeuralForecast(models=[model], freq=1)
all_of_it.fit(frame)
forecast = all_of_it.predict()["LSTM"].tolist()
print(json.dumps({"forecast": forecast, "updates": all_of_it.models[0].trainer_kwargs["max_steps"]}))
