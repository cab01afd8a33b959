"""Tables of labelled sound: their rows, the text forms and data frames they come in, and names of columns."""
