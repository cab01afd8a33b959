"""When, where and by what device a recording was made, from its file name and its header."""
