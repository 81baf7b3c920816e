"""The audit trail in PostgreSQL, for several replicas: the same bytes, and one chain for all of them.

START at `trail`. It alone imports psycopg, which the extra `kickbot[postgres]` brings.
"""
