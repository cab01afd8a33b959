"""The kit for reports: a self-contained HTML page, charts, templates; each page lives in the room that knows it."""
