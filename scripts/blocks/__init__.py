"""What stands between the comments of README.md and docs/ that begin and end a block."""
