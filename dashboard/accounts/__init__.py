"""Accounts: profile, sessions, passwords, tokens of one's own, log-in and what holds it back."""
