"""Tasks: what sequences are drawn, what must come out, and when that counts as solved."""
