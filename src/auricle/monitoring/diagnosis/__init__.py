"""Diagnosis of drift: recording faults, affected subgroups, and the time of the change."""
