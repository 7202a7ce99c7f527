"""Training: truncated backpropagation through time, losses, optimisation. Importing this page imports no torch."""
