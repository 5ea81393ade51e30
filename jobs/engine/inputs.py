"""What ffmpeg may take its inputs for, as options that stand before each. Starts nothing."""

from jobs.engine import landlock

# ffmpeg tells of parts that it could not fetch. After yt-dlp's own `-loglevel quiet`: the last one counts.
AUDIBLE = ("-loglevel", "warning", "-nostats")

# What ffmpeg may take bytes for that somebody else has made. Not listed, among others: concat, imf, vobsub, tty. Those
# are lists of further files and addresses, which ffmpeg opens by itself, or show any file as text.
_CONTAINERS = (
    "asf,avi,dv,flv,live_flv,matroska,mov,mpeg,mpegts,mxf,nut,ogg,rm,"
    "av1,h264,hevc,ivf,m4v,mpegvideo,obu,"
    "aac,ac3,aiff,amr,ape,au,caf,dts,dtshd,eac3,flac,mp3,mpc,mpc8,truehd,tta,w64,wav,wv"
)
_SUBTITLES = "ass,lrc,microdvd,sami,scc,srt,subviewer,subviewer1,webvtt"
_PICTURES = "apng,bmp_pipe,gif,gif_pipe,image2,jpeg_pipe,jpegxl_pipe,png_pipe,tiff_pipe,webp_anim,webp_pipe"

# ffmpeg's options for an input in the work directory, whatever its name says it is.
FILE_INPUT = (
    *("-protocol_whitelist", "file"),
    *("-format_whitelist", f"{_CONTAINERS},{_SUBTITLES},{_PICTURES},ffmetadata"),
)
# And for one that it fetches. It sends http and tls through the proxy of its environment; every other network protocol
# would pass the proxy by. Lists of further addresses are fine, for those are fetched in the same way.
NETWORK_INPUT = (
    *("-protocol_whitelist", "http,https,tls,tcp,crypto,data,httpproxy"),
    *("-format_whitelist", f"hls,dash,{_CONTAINERS},{_SUBTITLES}"),
)
# The same where no kernel keeps it from other ports: lists would name `httpproxy:`, which connects to anything. Without
# that, there is no TLS: what is encrypted has to be asked for as `Proxy.through_tls` says.
UNENCRYPTED_INPUT = ("-protocol_whitelist", "http,tcp,crypto,data", *NETWORK_INPUT[2:])
# And for a list that yt-dlp has written, of parts of a file that is known to be none itself.
SPLICE_INPUT = (
    *("-protocol_whitelist", "file"),
    *("-format_whitelist", f"concat,{_CONTAINERS}"),
)


def network_input() -> tuple[str, ...]:
    """The options for an input that ffmpeg fetches on this machine."""
    return NETWORK_INPUT if landlock.holds_ports() else UNENCRYPTED_INPUT
