"""What goes wrong with stored files, whatever stores them. What a bad disk may do too is an OSError."""


class NotPlain(OSError):
    """What should be stored is a link, a pipe, a device, a directory, or has another name somewhere."""


class Unavailable(OSError):
    """The store does not answer, or refuses; another try may succeed. The message is for operators."""


class Interrupted(Exception):
    """Whoever publishes does not want to any more: raised by its own `beat`, and passed through."""
