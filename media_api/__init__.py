"""HTTP for programs: /api/v1, signed files, the schema. Calls jobs.services and jobs.queries, decides nothing."""
