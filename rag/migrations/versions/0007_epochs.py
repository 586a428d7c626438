"""How often what a collection's answers may rest on has changed"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.add_column("collections", sa.Column("epoch", sa.BigInteger(), nullable=False, server_default="0"))
    run = op.get_bind().exec_driver_sql
    if op.get_bind().dialect.name == "sqlite":
        run("UPDATE collections SET epoch = abs(random())")
    else:
        run("UPDATE collections SET epoch = (random() * 9e18)::bigint")
