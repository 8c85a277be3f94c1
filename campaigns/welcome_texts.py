"""The greetings, by language and part of the day."""

from campaigns.contract import DEFAULT_LANGUAGE, Channel, DayPart

_MORNING, _AFTERNOON, _EVENING, _NIGHT = DayPart

_GREETINGS: dict[str, dict[str, str]] = {
    "en": {_MORNING: "Good morning", _AFTERNOON: "Good afternoon", _EVENING: "Good evening", _NIGHT: "Hello"},
    "de": {_MORNING: "Guten Morgen", _AFTERNOON: "Guten Tag", _EVENING: "Guten Abend", _NIGHT: "Hallo"},
    "fr": {_MORNING: "Bonjour", _AFTERNOON: "Bonjour", _EVENING: "Bonsoir", _NIGHT: "Bonsoir"},
    "es": {_MORNING: "Buenos días", _AFTERNOON: "Buenas tardes", _EVENING: "Buenas noches", _NIGHT: "Hola"},
    "it": {_MORNING: "Buongiorno", _AFTERNOON: "Buon pomeriggio", _EVENING: "Buonasera", _NIGHT: "Salve"},
    "nl": {_MORNING: "Goedemorgen", _AFTERNOON: "Goedemiddag", _EVENING: "Goedenavond", _NIGHT: "Hallo"},
    "pt": {_MORNING: "Bom dia", _AFTERNOON: "Boa tarde", _EVENING: "Boa noite", _NIGHT: "Olá"},
}
_WELCOMES = {
    "en": "Welcome! We are glad that you are with us.",
    "de": "Willkommen! Wir freuen uns, dass Sie bei uns sind.",
    "fr": "Bienvenue ! Nous sommes heureux de vous compter parmi nous.",
    "es": "¡Le damos la bienvenida! Nos alegra contar con usted.",
    "it": "Benvenuti! Siamo felici di avervi con noi.",
    "nl": "Welkom! We zijn blij dat u bij ons bent.",
    "pt": "Damos-lhe as boas-vindas! É bom tê-lo connosco.",
}
_WISHES = {
    "en": "What you wish to hear from us you say here",
    "de": "Was Sie von uns hören möchten, sagen Sie hier",
    "fr": "Choisissez ici ce que vous souhaitez recevoir",
    "es": "Elija aquí lo que desea recibir",
    "it": "Scegliete qui che cosa desiderate ricevere",
    "nl": "Hier kiest u wat u van ons wilt horen",
    "pt": "Escolha aqui o que deseja receber",
}


def texts_for(channel: str, language: str, part: str, *, has_name: bool) -> tuple[str, str]:
    """Subject ("" for a text message) and text, as :mod:`campaigns.rendering` reads them; English where there is no other."""
    known = language if language in _GREETINGS else DEFAULT_LANGUAGE
    hello = _GREETINGS[known][part] + (", {{ first_name }}!" if has_name else "!")
    if channel == Channel.EMAIL:
        return hello, f"{hello}\n\n{_WELCOMES[known]}\n\n{_WISHES[known]}:\n{{{{ preferences_url }}}}\n"
    return ("" if channel == Channel.SMS else hello), f"{hello} {_WELCOMES[known]}"
