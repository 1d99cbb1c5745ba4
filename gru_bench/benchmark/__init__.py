"""The cells against other libraries: one layer, and a whole comparison."""
