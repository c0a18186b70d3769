"""Alembic's entry: runs the revisions on the connection that `migrating.py` hands over."""

from alembic import context
from sqlmodel import SQLModel

from kimitap.store.tables import VERSION_TABLE

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=SQLModel.metadata,
    version_table=VERSION_TABLE,
)
context.run_migrations()
