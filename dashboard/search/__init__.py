"""One search over all areas. Each says in its own ``search.py`` what can be found in it, and by whom."""
