"""What closes the loop beside the server: the monitor asked again and again, and models retrained and compared."""
