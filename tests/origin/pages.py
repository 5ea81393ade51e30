"""The pages and the feed of the origin. `{host}` becomes its address when a page is served."""

_VIDEO_PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>A test film</title>
<meta property="og:title" content="A test film"><meta property="og:image" content="http://{host}/thumbnail.jpg">
</head><body><h1>A test film</h1>
<video controls poster="http://{host}/thumbnail.jpg"><source src="http://{host}/video.mp4" type="video/mp4">
<track kind="subtitles" srclang="en" src="http://{host}/subtitles.en.vtt"></video></body></html>
"""
_PLAYLIST_PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Three films</title></head><body>
<video src="http://{host}/video.mp4"></video>
<video src="http://{host}/video.webm"></video>
<video src="http://{host}/long.mp4"></video>
</body></html>
"""
CHAPTERS = (("Beginning", 0, 10), ("The middle: a/b", 10, 18), ("End", 18, 30))
_PARTS = ",".join(
    f'{{"@type": "Clip", "name": "{name}", "startOffset": {start}, "endOffset": {end}}}'
    for name, start, end in CHAPTERS
)
_CHAPTERS_PAGE = f"""<!doctype html><html lang="en"><head><meta charset="utf-8"><title>A long film</title>
<script type="application/ld+json">{{"@context": "https://schema.org", "@type": "VideoObject", "name": "A long film",
"description": "In three chapters", "author": {{"@type": "Person", "name": "A director"}},
"uploadDate": "2026-03-04", "duration": "PT30S", "thumbnailUrl": "http://{{host}}/thumbnail.jpg",
"contentUrl": "http://{{host}}/long.mp4", "hasPart": [{_PARTS}]}}</script></head><body></body></html>
"""
_ITEM = """<item><title>{title}</title><link>http://{host}/{path}</link><guid>{path}</guid>
<enclosure url="http://{host}/{path}" type="video/mp4" length="1"/></item>
"""
_ITEMS = "".join(
    _ITEM.replace("{title}", title).replace("{path}", path)
    for title, path in (("First", "video.mp4"), ("Second", "video.webm"), ("Third", "long.mp4"))
)
_FEED = f"""<?xml version="1.0" encoding="utf-8"?><rss version="2.0"><channel><title>A test feed</title>
<link>http://{{host}}/</link><description>Three films</description>
{_ITEMS}</channel></rss>
"""
PAGES = {
    "/page.html": ("text/html; charset=utf-8", _VIDEO_PAGE),
    "/playlist.html": ("text/html; charset=utf-8", _PLAYLIST_PAGE),
    "/chapters.html": ("text/html; charset=utf-8", _CHAPTERS_PAGE),
    "/feed.xml": ("application/rss+xml", _FEED),
}
