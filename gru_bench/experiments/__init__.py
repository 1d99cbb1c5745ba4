"""Takes configurations to finished run folders: resolve, sweep, populations, launchers, search."""
