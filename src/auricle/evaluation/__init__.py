"""What answers are worth: scores with intervals, where they fail, what to do next, and the page that says so."""
