"""From configurations to finished run folders."""
