"""Models: recurrent networks, and those without memory that they are compared with (contract: base.py)."""

MODELS = {
    "mlp": "forecast.models.mlp:MLP",
    "rnn": "forecast.models.rnn:RNN",
    "forget_rnn": "forecast.models.forget_rnn:ForgetRNN",
    "lstm": "forecast.models.lstm:LSTM",
    "gru": "forecast.models.gru:GRU",
    "slstm": "forecast.models.slstm:SLSTM",
    "mlstm": "forecast.models.mlstm:MLSTM",
    "birnn": "forecast.models.birnn:BiRNN",
    "bilstm": "forecast.models.bilstm:BiLSTM",
    "bigru": "forecast.models.bigru:BiGRU",
    "seq2seq": "forecast.models.seq2seq:Seq2Seq",
    "cnn": "forecast.models.cnn:CNN",
    "convlstm": "forecast.models.convlstm:ConvLSTM",
    "encoder_forecaster": "forecast.models.encoder_forecaster:EncoderForecaster",
}

AROUND = {"smoothed": "forecast.models.smoothed:Smoothed"}
"""Networks around one of these, which is what a pipeline names."""
