"""One store: operations, commits and the writer behind them."""
