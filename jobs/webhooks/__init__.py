"""Tells receivers what happens to jobs and batches: `outbox` writes messages, `delivery` sends them, `endpoints` are
its owners' verbs. What a job's move means is `jobs.lifecycle`'s business.
"""
