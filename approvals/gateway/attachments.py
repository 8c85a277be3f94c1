"""Files of a request: Django's storage keeps them, the request knows what they were."""

import hashlib
import re
import uuid

from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.db import transaction

from approvals.contract import MAX_ATTACHMENT_BYTES, ApprovalView, AttachmentInput, By, Door
from approvals.gateway.problems import ApprovalProblem, InvalidRequest, RequestNotFound, Unavailable
from approvals.gateway.reading import read_any
from approvals.gateway.rights import require_part, require_sight
from approvals.gateway.updating import noting_refusals, permitted_update
from approvals.models import Attachment

ATTACHMENT_TYPES = {
    "pdf": "application/pdf",
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "gif": "image/gif",
    "webp": "image/webp",
    "txt": "text/plain",
    "csv": "text/csv",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "odt": "application/vnd.oasis.opendocument.text",
    "ods": "application/vnd.oasis.opendocument.spreadsheet",
}
"""Files that may be attached, by the end of their name; the sender's own content type is not believed."""
# Turn the direction of writing: "annual\u202efdp.exe" would be read as "annualexe.pdf".
_DIRECTIONS = re.compile("[\u202a-\u202e\u2066-\u2069]")


def attach(
    request_id: str, *, user: User, door: Door, name: str, content: bytes, content_type: str, key: str
) -> ApprovalView:
    """Attach a small file. Django's storage keeps it; the request remembers its name, size and SHA-256.

    Raises:
        RequestNotFound, NotPermitted, InvalidRequest, RequestRefused, Unavailable
    """
    by = By(user.username, door)
    with noting_refusals(request_id, by, "attach"):
        require_part(user)
        require_sight(user, request_id)
        _check_file(name, content)
        row = _store(request_id, user, name, content, key)
        # The row's own name: the same content under the same key is the same attachment, whatever it is called now.
        message = AttachmentInput(row.attachment_id, row.name, row.size, row.sha256, by)
        try:
            return permitted_update(request_id, "attach", message, user, key)
        except Unavailable:
            raise  # the same key finds the file again
        except ApprovalProblem:
            _forget_unless_taken(row)
            raise


def open_attachment(request_id: str, attachment_id: str, user: User) -> Attachment:
    """The file's row. Raises RequestNotFound."""
    require_sight(user, request_id)
    row = Attachment.objects.filter(request_id=request_id, attachment_id=attachment_id).first()
    if row is None or not row.file:
        raise RequestNotFound(request_id)
    return row


def _check_file(name: str, content: bytes) -> None:
    if _ending(name) not in ATTACHMENT_TYPES:
        raise InvalidRequest("file", f"Files of these kinds can be attached: {', '.join(ATTACHMENT_TYPES)}.")
    if not content:
        raise InvalidRequest("file", "The file is empty.")
    if len(content) > MAX_ATTACHMENT_BYTES:
        raise InvalidRequest(
            "file", f"A file has {MAX_ATTACHMENT_BYTES:,} bytes at most; this one has {len(content):,}."
        )


def _ending(name: str) -> str:
    return name.rpartition(".")[2].lower()


def _store(request_id: str, user: User, name: str, content: bytes, key: str) -> Attachment:
    """The file and its row, both or none. A row that lost its file to a crash gets it now."""
    sha256 = hashlib.sha256(content).hexdigest()
    # The same file under the same key is the same attachment, so that a repeat makes no second one.
    attachment_id = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{request_id}:{user.username}:{key}:{sha256}"))
    clean_name = " ".join(_DIRECTIONS.sub("", name).replace("\\", "/").rpartition("/")[2].split())[-200:]
    with transaction.atomic():
        Attachment.objects.get_or_create(
            attachment_id=attachment_id,
            defaults={
                "request_id": request_id,
                "name": clean_name,
                "content_type": ATTACHMENT_TYPES[_ending(name)],
                "size": len(content),
                "sha256": sha256,
                "uploaded_by": user,
            },
        )
        row = Attachment.objects.select_for_update().get(attachment_id=attachment_id)
        if not row.file:
            row.file.save(clean_name, ContentFile(content))
    return row


def _forget_unless_taken(row: Attachment) -> None:
    """A repeat may be refused – it is over by now – whose first try was taken, and then the file is the request's."""
    try:
        reading = read_any(row.request_id)
    except RequestNotFound:
        pass
    else:
        if reading.reason or any(one.attachment_id == row.attachment_id for one in reading.view.attachments):
            return  # or nobody can say
    row.file.delete(save=False)
    row.delete()
