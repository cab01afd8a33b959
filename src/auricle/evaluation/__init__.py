"""Scores of predictions with intervals, their breakdown by class and column, advice, and the evaluation report."""
