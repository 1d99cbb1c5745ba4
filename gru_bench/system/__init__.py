"""The machine below: errors, files, devices, signals and progress."""
