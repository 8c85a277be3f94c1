"""What each role is for, in the words that stand below its name in :mod:`dashboard.roles`."""

import ast
from functools import cache
from inspect import cleandoc, getsource
from itertools import pairwise

from dashboard import roles


@cache
def meanings() -> dict[str, str]:
    """By the role's name. Roles without words are left out."""
    found: dict[str, str] = {}
    for named, said in pairwise(ast.parse(getsource(roles)).body):
        if not isinstance(named, ast.Assign) or not isinstance(named.targets[0], ast.Name):
            continue
        name = getattr(roles, named.targets[0].id)
        if isinstance(name, str) and isinstance(said, ast.Expr) and isinstance(said.value, ast.Constant):
            found[name] = cleandoc(str(said.value.value))
    return found
