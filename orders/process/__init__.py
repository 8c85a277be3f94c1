"""The parts of the order workflow: pure bookkeeping, and the steps that are more than a few lines. No Django."""
