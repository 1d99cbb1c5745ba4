"""Reports on finished runs: tables, figures and pages, made from run folders alone."""
