"""Whole chunks of recurrence, forward and backward by hand, where torch has no fused kernel.

On a CPU torch fuses the LSTM alone: its GRU and RNN are loops of small operations, each a node of autograd's, and the
GRU as published (reset gate before the product), the RNN with a forget gate and the sLSTM do not exist. Here a chunk is
one node.
The input product ``drive`` = W x + b is the caller's, for all steps at once; what is left is the recurrent product and
what follows, step by step in place. Backward, the factors by which the state's gradient is multiplied are computed for
all steps at once, and weights get theirs in one product at the end.

The ConvLSTM is another matter: its loop spends its time on convolutions, and the kernel's are in tiles, with a third of
the products or less (tiles.py).

Suffixes: B streams, T steps, H units. Gates are stacked as torch stacks them, weights (gates x H, H). Results are views
of time-major memory; a drive that is time-major in memory is the fastest. Second derivatives are refused.
"""

from forecast.models.kernels.convlstm import convlstm
from forecast.models.kernels.gru import gru
from forecast.models.kernels.simple import forget_rnn, rnn
from forecast.models.kernels.slstm import slstm
from forecast.models.kernels.tiles import WIDEST, Tiling, tiling

__all__ = ["WIDEST", "Tiling", "convlstm", "forget_rnn", "gru", "rnn", "slstm", "tiling"]
