"""yt-dlp behind a tiny port. Loads no Django: the child that runs a download must not know the service."""
