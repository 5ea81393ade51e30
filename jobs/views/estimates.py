"""How much room a list would take: usual rates of qualities, and the room that is left. Rough, and says so."""

from django.conf import settings

from accounts.models import User
from jobs import storage
from jobs.views.items import room_of

# Bytes a second of picture and sound together, as large sites usually send them (H.264 and VP9, 24 to 30 pictures a
# second), measured on none in particular. "best" is what most videos have at best.
USUAL_RATES = {
    "best": 500_000,
    "4k": 1_900_000,
    "1440p": 950_000,
    "1080p": 500_000,
    "720p": 260_000,
    "480p": 140_000,
    "360p": 85_000,
    "audio": 24_000,
}


def room_left(user: User) -> int:
    """Bytes that the user may still store: of the own quota and of the disk, whichever is less."""
    room = room_of(user)
    of_disk = max(0, storage.free_bytes() - settings.FREE_DISK_FLOOR_BYTES)
    return of_disk if room.allowed is None else min(of_disk, max(0, room.allowed - room.used))
