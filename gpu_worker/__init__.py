"""GPU engines, their batching and training. The room is kept free for them."""
