"""Who our customers are and whom they trust."""
