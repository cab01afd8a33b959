"""What every room stands on: parallel work, engines, files that are written whole, and the clock."""
