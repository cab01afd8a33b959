"""The kit for reports: a self-contained HTML page of typed blocks, and charts."""
