"""What was answered, what people said of it, and which models answer: kept in a real database."""
