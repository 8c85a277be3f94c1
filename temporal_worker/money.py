"""Money for people: minor units and an ISO 4217 code in, symbol and separators out."""

_SYMBOLS = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥"}
_DIGITS = {"JPY": 0, "KRW": 0, "CLP": 0, "VND": 0, "ISK": 0, "BHD": 3, "JOD": 3, "KWD": 3, "OMR": 3, "TND": 3}


def amount(cents: int, currency: str) -> str:
    """``1,439.96``: the number alone, for columns whose head names the currency."""
    digits = _DIGITS.get(currency, 2)
    sign, whole = ("−" if cents < 0 else ""), abs(cents)
    if digits == 0:
        return f"{sign}{whole:,}"
    unit = 10**digits
    return f"{sign}{whole // unit:,}.{whole % unit:0{digits}d}"


def money(cents: int, currency: str) -> str:
    """``$1,439.96``, ``CHF 1,439.96``."""
    number = amount(cents, currency)
    sign, number = ("−", number[1:]) if number.startswith("−") else ("", number)
    symbol = _SYMBOLS.get(currency)
    return f"{sign}{symbol}{number}" if symbol else f"{sign}{currency} {number}"
