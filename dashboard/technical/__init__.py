"""The view behind the curtain: what Temporal knows of one process, for engineers. Shows names, ids and summaries – never what
a message holds."""
