"""Who calls: users, API keys, authentication, rate limits. Knows nothing of jobs."""
