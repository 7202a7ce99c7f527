"""Models: recurrent networks and the MLP they are compared with (contract: base.py)."""

MODELS = {
    "mlp": "forecast.models.mlp:MLP",
    "rnn": "forecast.models.rnn:RNN",
    "lstm": "forecast.models.lstm:LSTM",
    "gru": "forecast.models.gru:GRU",
    "bilstm": "forecast.models.bilstm:BiLSTM",
    "convlstm": "forecast.models.convlstm:ConvLSTM",
}
