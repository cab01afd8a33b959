"""What a data set holds, how good its sound is, and what would leak between splits: found before any training."""
