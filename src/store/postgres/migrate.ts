import type { Client } from 'pg'
import { AuditLogError } from '../../events/errors.js'
import { sqlState } from './errors.js'
import type { PostgresConnection } from './options.js'
import { asOwner } from './owner.js'
import { CONTENT_READER_ROLE, READER_ROLE, WRITER_ROLE } from './roles.js'
import { MIGRATIONS } from './schema.js'

/** Of all that migrate at once, one does it. Any number that nobody else uses. */
const MIGRATION_LOCK = 7_315_402_281

/** The versions of the schema before and after a migration. */
export interface PostgresMigration {
  /** Version of the schema before; 0 where there was none. */
  readonly from: number
  /** Version of the schema now. */
  readonly to: number
}

/**
 * Creates the tables of a database, or upgrades them to the version that this package needs. It is done in one
 * transaction. Whoever connects becomes the owner of new tables, in the schema `spanledger`, and creates the group
 * roles `spanledger_writer`, `spanledger_reader` and `spanledger_content_reader` unless they are there: that takes the right to
 * create roles.
 *
 * @throws AuditLogError `AUDIT_OPEN_FAILED`; `AUDIT_FORMAT_UNSUPPORTED` when a newer version has migrated them
 * @throws TypeError naming an unknown or malformed option
 */
export async function migrate(options: PostgresConnection): Promise<PostgresMigration> {
  return await asOwner('migrate', options, migrateIn)
}

async function migrateIn(client: Client, location: string): Promise<PostgresMigration> {
  await client.query('begin')
  await client.query('select pg_advisory_xact_lock($1)', [MIGRATION_LOCK])
  const from = await versionOf(client)
  const to = MIGRATIONS.length
  if (from > to) {
    throw new AuditLogError(
      'AUDIT_FORMAT_UNSUPPORTED',
      `The tables of ${location} have version ${from}; this Spanledger knows version ${to}: upgrade it`,
    )
  }
  if (from < to) await createRoles(client, location)
  if (from === 0) {
    await client.query(`create schema if not exists spanledger;
      create table spanledger.migration (version integer primary key, applied_at timestamptz not null default now())`)
  }
  for (const [at, { sql, after }] of MIGRATIONS.entries()) {
    if (at < from) continue
    await client.query(sql)
    await after?.(client)
    await client.query('insert into spanledger.migration (version) values ($1)', [at + 1])
  }
  await client.query('commit')
  return Object.freeze({ from, to })
}

async function versionOf(client: Client): Promise<number> {
  const { rows } = await client.query<{ there: boolean }>(
    "select to_regclass('spanledger.migration') is not null as there",
  )
  if (!rows[0]?.there) return 0
  const found = await client.query<{ version: number | null }>(
    'select max(version) as version from spanledger.migration',
  )
  return found.rows[0]?.version ?? 0
}

async function createRoles(client: Client, location: string): Promise<void> {
  for (const role of [WRITER_ROLE, READER_ROLE, CONTENT_READER_ROLE]) {
    const { rows } = await client.query('select 1 from pg_roles where rolname = $1', [role])
    if (rows.length > 0) continue
    try {
      // Roles belong to all databases of a server: somebody may be creating it for another one.
      await client.query(`do $$ begin create role ${role} nologin;
        exception when duplicate_object or unique_violation then null; end $$`)
    } catch (cause) {
      if (sqlState(cause) !== '42501') throw cause
      throw new AuditLogError(
        'AUDIT_OPEN_FAILED',
        `Cannot migrate ${location}: the role ${role} is missing, and may not be created; have an administrator run 'create role ${role} nologin'`,
        { cause },
      )
    }
  }
}
