"""Collections whose text must not leave the house"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.add_column("collections", sa.Column("internal", sa.Boolean(), nullable=False, server_default=sa.false()))
