"""Contacts from a CSV file, in steps that each may be repeated: read and check, compare, apply.

Nothing is applied before the whole file has been read; what is wrong with the file as a whole stops it there. Memory stays
the same whatever the file's size.
"""

from campaigns.imports.problems import write_problems
from campaigns.imports.reading import MAX_BYTES, FileProblem
from campaigns.imports.stages import Progress, apply_rows, compare_rows, read_rows

__all__ = ["MAX_BYTES", "FileProblem", "Progress", "apply_rows", "compare_rows", "read_rows", "write_problems"]
