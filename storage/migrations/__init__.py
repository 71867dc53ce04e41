"""The steps of the schema, in order: Alembic's environment."""
