"""Trained models out of their run folders: used here, or converted for other runtimes."""
