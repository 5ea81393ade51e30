"""The domain: jobs, their life, their files. HTTP for programs lives in media_api, callers in accounts."""
