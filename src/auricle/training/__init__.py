"""The learning wing: search, fit, score, convert, report."""
