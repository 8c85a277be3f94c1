"""The demo's imports of contacts: one that is through, and one that waits for a word with rows that cannot be taken.

The first brings nobody new: the demo has its five hundred contacts. What the second would bring is up to whoever tries it.
"""

from dataclasses import dataclass
from io import BytesIO

from django.contrib.auth.models import User

from campaigns.contract import Door
from campaigns.demo import demo_contact
from campaigns.gateway.imports import start_import
from campaigns.models import AudienceImport
from dashboard.demo_telling import tell, untold

WRITER = "marketer"


@dataclass(frozen=True)
class DemoImport:
    name: str
    lines: tuple[str, ...]
    unattended: bool = False


IMPORTS = (
    DemoImport(
        "club-members.csv",
        (
            "user_id,name,city,plan",
            *(f"USER-{number},{demo_contact(number).name},Hamburg,plus" for number in range(301, 325)),
        ),
        unattended=True,
    ),
    DemoImport(
        "trade-fair.csv",
        (
            "user_id,name,email,language,time_zone,visits",
            "FAIR-001,Nadia Berger,nadia.berger@example.com,de,Europe/Vienna,1",
            "FAIR-002,Tom Ashby,tom.ashby(at)example.com,en,Europe/London,1",
            "FAIR-003,Ilse Maas,ilse.maas@example.com,nl,Europe/Amsterdam,2",
            "FAIR-004,Jorge Prado,jorge.prado@example.com,es,Europe/Madird,1",
            ",Someone from stand 14,,,,1",
            "FAIR-006,Anouk Petit,anouk.petit@example.com,fr,Europe/Paris,1",
            "FAIR-001,Nadia Berger,n.berger@example.com,de,Europe/Vienna,1",
            "USER-310,Luca Conti,user-310@example.com,it,Europe/Rome,3",
        ),
    ),
)


def unstarted_imports() -> list[DemoImport]:
    """Which of the demo's imports have never been handed in: all on the first start, none later."""
    return untold(IMPORTS, lambda demo: f"{WRITER}:{_key(demo)}", AudienceImport.objects.all())


def start_demo_imports() -> None:
    """Hand them in. Needs Temporal; a worker takes them as far as they go."""
    user = User.objects.get(username=WRITER)
    tell(unstarted_imports(), lambda demo: _begin(demo, user))


def _begin(demo: DemoImport, user: User) -> None:
    file = BytesIO("\n".join((*demo.lines, "")).encode())
    start_import(user=user, door=Door.WEB, file=file, name=demo.name, key=_key(demo), unattended=demo.unattended)


def _key(demo: DemoImport) -> str:
    return f"demo-{demo.name}"
