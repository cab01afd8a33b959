"""Sound in: files, arrays and streams become clips, and clips become windows."""
