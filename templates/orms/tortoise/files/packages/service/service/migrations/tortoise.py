"""Brings the tables of a service up to date, by Tortoise and under a lock: `app/migrate.py`.

Without an argument up to the newest. `down` undoes the last migration, and `new TEXT` writes one
from what models.py has and the migrations have not.
"""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path

import asyncpg
from tortoise.exceptions import BaseORMException, OperationalError
from tortoise.migrations.autodetector import MigrationAutodetector
from tortoise.migrations.executor import MigrationExecutor
from tortoise.migrations.graph import MigrationKey
from tortoise.migrations.migration import Migration
from tortoise.migrations.operations import AddConstraint, CreateModel, Operation
from tortoise.migrations.schema_editor import BasePostgresSchemaEditor
from tortoise.migrations.schema_generator.operation_generator import OperationGenerator
from tortoise.migrations.schema_generator.state import State
from tortoise.migrations.schema_generator.state_apps import StateApps
from tortoise.migrations.writer import MigrationWriter, format_migration_name

from service.database.tortoise_models import APP, Client, context_of, current
from service.log import get_logger
from service.migrations import LOCK, run, wait_for_database

_PATIENCE = "SELECT set_config('lock_timeout', $1, false)"
# Columns, constraints and indexes of the tables in a schema, without its name.
_TABLES = """
SELECT of, replace(line, $1::text || '.', '') AS line FROM (
  SELECT table_name, concat_ws(' ', column_name, udt_name, is_nullable, column_default)
    FROM information_schema.columns WHERE table_schema = $1::text
  UNION ALL SELECT relname, concat_ws(' ', conname, pg_get_constraintdef(pg_constraint.oid))
    FROM pg_constraint JOIN pg_class ON pg_class.oid = conrelid
    WHERE connamespace = to_regnamespace($1::text)
  UNION ALL SELECT tablename, indexdef FROM pg_indexes WHERE schemaname = $1::text
) AS tables (of, line)
"""


async def migrate(
    url: str, folder: Path, *arguments: str, lock_timeout_ms: int = 0, models: str = "app.models"
) -> None:
    """Do what `service.migrations.Migrate` says, with a package of Tortoise's."""
    await wait_for_database(url)
    async with _opened(url, folder, models) as (executor, connection, detector):
        await connection.execute("SELECT pg_advisory_lock($1)", LOCK)
        # Not before: whoever migrates may take longer.
        await connection.execute(_PATIENCE, str(lock_timeout_ms))
        await executor.recorder.ensure_schema(BasePostgresSchemaEditor(executor.connection))
        plan = [step.migration for step in await executor.plan()]
        match arguments:
            case ():
                for migration in plan:
                    await _step(executor, connection, migration, down=False)
            case ("down",):
                every = [executor.loader.graph.nodes[key] for key in executor._full_plan()]
                for migration in [it for it in every if it and it not in plan][-1:]:
                    await _step(executor, connection, migration, down=True)
            case ("new", title):
                await _write(detector, title)
            case _:
                raise SystemExit(f"error: unknown arguments\n\n{__doc__}")


async def differences(url: str, folder: Path, models: str = "app.models") -> list[str]:
    """Return what models say that migrations do not, and where tables are not as models say."""
    async with _opened(url, folder, models) as (executor, connection, detector):
        found = [it.describe() for writer in await detector.changes() for it in writer.operations]
        wanted = Migration("wanted", APP)
        nothing = State({}, StateApps())
        operations = OperationGenerator(nothing, detector._current_state()).generate()
        wanted.operations = _whole(operations)
        # It goes with the connection.
        await connection.execute("BEGIN; CREATE SCHEMA wanted; SET LOCAL search_path TO wanted")
        await wanted.apply(nothing, schema_editor=BasePostgresSchemaEditor(executor.connection))
        expected = {tuple(row) for row in await connection.fetch(_TABLES, "wanted")}
        present = {tuple(row) for row in await connection.fetch(_TABLES, "public")}
    tables = {table for table, _ in expected}
    found += [f"not in the tables: {table} {line}" for table, line in sorted(expected - present)]
    more = sorted(it for it in present - expected if it[0] in tables)
    return found + [f"not in the models: {table} {line}" for table, line in more]


@asynccontextmanager
async def _opened(
    url: str, folder: Path, models: str
) -> AsyncIterator[tuple[MigrationExecutor, asyncpg.Connection, MigrationAutodetector]]:
    context = await context_of(models)
    package = {APP: {"migrations": folder.name}}
    connection = await asyncpg.connect(url)
    try:
        client = Client(connection)
        with current(context, client):
            detector = MigrationAutodetector(context.apps, package)  # type: ignore[arg-type]  # it has
            yield MigrationExecutor(client, package), connection, detector
    finally:
        await connection.close()


async def _step(
    executor: MigrationExecutor, connection: asyncpg.Connection, migration: Migration, *, down: bool
) -> None:
    """Carry out one migration, and record that: Tortoise does the latter in no transaction."""
    editor = BasePostgresSchemaEditor(executor.connection, atomic=migration.atomic)
    async with connection.transaction() if migration.atomic else nullcontext():
        applied = set(await executor.recorder.applied_migrations())
        state = await executor._project_state(applied, upto=MigrationKey(APP, migration.name))
        if not down:
            await migration.apply(state, schema_editor=editor)
            await executor.recorder.record_applied(APP, migration.name)
        elif not all(operation.reversible for operation in migration.operations):
            raise OperationalError(f"{migration.name} says of an operation no way back")
        else:
            await migration.unapply(state, schema_editor=editor)
            await executor.recorder.record_unapplied(APP, migration.name)


async def _write(detector: MigrationAutodetector, title: str) -> None:
    operations = [it for found in await detector.changes() for it in _whole(found.operations)]
    graph = detector.loader.graph
    writer = MigrationWriter(
        format_migration_name(len(graph.nodes) + 1, title),
        APP,
        operations,
        # After all that nothing follows yet, where there are several.
        dependencies=sorted((key.app_label, key.name) for key in graph.leaf_nodes(APP)),
        migrations_module=detector.loader.migrations_module(APP),
    )
    get_logger().info("wrote a migration", path=str(writer.write()))


def _whole(operations: Iterable[Operation]) -> list[Operation]:
    """Return operations that make constraints of new tables as well.

    Tortoise leaves those out: https://github.com/tortoise/tortoise-orm/issues/2272.
    """
    whole: list[Operation] = []
    for operation in operations:
        whole.append(operation)
        if isinstance(operation, CreateModel) and operation.options:
            constraints = operation.options.pop("constraints", ())
            whole += [AddConstraint(operation.name, constraint) for constraint in constraints]
    return whole


def main(folder: Path) -> int:
    """Do what the command line says; return the exit status."""
    return run(migrate, folder, BaseORMException)
