"""Found by ``FORMAT_MODULE_PATH``: Django asks the language's formats before the settings, which it so never asks."""

DATE_FORMAT = "j M Y"
TIME_FORMAT = "H:i"
DATETIME_FORMAT = r"j M Y, H:i \U\T\C"
MONTH_DAY_FORMAT = "j F"
