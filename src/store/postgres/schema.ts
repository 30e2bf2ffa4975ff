import type { Client } from 'pg'
import { appendOnly } from './append-only.js'
import { VERSION_4 } from './content-table.js'
import { fileAnew, VERSION_3 } from './file-anew.js'
import { VERSION_2 } from './rights.js'
import { READER_ROLE, WRITER_ROLE } from './roles.js'

/*
 * The schema, in versions: a migration brings a database from one to the next, and none is ever changed afterwards.
 *
 *   log         one row a log: its head. Whoever appends holds this row, so positions have no gaps
 *   entry       bytes by position                          ┐
 *   posting     positions of one commit under one value    │ only ever inserted: triggers refuse
 *   tile        hashes that one commit added to a tile     │ everything else
 *   caller_id   position of the entry with a chosen id     │
 *   content     encrypted items of an entry                ┘ see content-table.ts
 *   time_block  earliest and latest time of 256, 65,536 … positions
 *   open_run    runs without an end, by the writer that began them
 *   writer      what each writer said with its last commit
 *   log_right   which roles may read or write which log: see rights.ts
 *
 * Values of indexes and ids are bytes (see store/keys), since a text of PostgreSQL holds neither NUL nor a lone
 * surrogate. What grows with a log is divided by log, so that logs do not share the upper levels of an index.
 */

/** Versions of the schema, from 1. */
export const SCHEMA_VERSION = 4

const PARTITIONED = ['entry', 'posting', 'tile', 'caller_id']

export const VERSION_1 = `
create table spanledger.log (
  log integer generated always as identity primary key,
  id text not null unique,
  size bigint not null,
  root bytea not null,
  version bigint not null,
  checkpoint text
) with (fillfactor = 20);

create table spanledger.entry (
  log integer not null,
  seq bigint not null,
  bytes bytea not null,
  primary key (log, seq)
) partition by hash (log);

create table spanledger.posting (
  log integer not null,
  value bytea not null,
  last_seq bigint not null,
  first_seq bigint not null,
  count integer not null,
  positions bytea not null,
  primary key (log, value, last_seq)
) partition by hash (log);

create table spanledger.tile (
  log integer not null,
  level smallint not null,
  index bigint not null,
  first smallint not null,
  hashes bytea not null,
  primary key (log, level, index, first)
) partition by hash (log);

create table spanledger.caller_id (
  log integer not null,
  id bytea not null,
  seq bigint not null,
  primary key (log, id)
) partition by hash (log);

create table spanledger.time_block (
  log integer not null,
  level smallint not null,
  block bigint not null,
  min text collate "C" not null,
  max text collate "C" not null,
  primary key (log, level, block)
) with (fillfactor = 80);

create table spanledger.open_run (
  log integer not null,
  run bytea not null,
  writer text not null,
  seq bigint not null,
  primary key (log, run)
);

create table spanledger.writer (
  log integer not null,
  name text not null,
  session uuid not null,
  closed boolean not null,
  journal_segment bigint,
  journal_offset bigint,
  opened_at timestamptz not null default now(),
  primary key (log, name)
) with (fillfactor = 50);

create function spanledger.refuse_change() returns trigger language plpgsql as $$
begin
  raise exception '% of %: an audit log is only ever appended to', tg_op, tg_table_name
    using errcode = 'insufficient_privilege';
end $$;

create function spanledger.refuse_going_back() returns trigger language plpgsql as $$
begin
  if new.log <> old.log or new.id <> old.id or new.size < old.size or new.version <= old.version then
    raise exception 'the head of an audit log only ever moves forward' using errcode = 'insufficient_privilege';
  end if;
  return new;
end $$;

create trigger only_forward before update on spanledger.log
  for each row execute function spanledger.refuse_going_back();
create trigger no_delete before delete on spanledger.log
  for each row execute function spanledger.refuse_change();
create trigger no_truncate before truncate on spanledger.log
  for each statement execute function spanledger.refuse_change();

${PARTITIONED.map((table) => appendOnly(table)).join('\n')}

grant usage on schema spanledger to ${WRITER_ROLE}, ${READER_ROLE};
grant select on all tables in schema spanledger to ${WRITER_ROLE}, ${READER_ROLE};
grant insert on spanledger.log, ${PARTITIONED.map((table) => `spanledger.${table}`).join(', ')},
  spanledger.time_block, spanledger.open_run, spanledger.writer to ${WRITER_ROLE};
grant update (size, root, version, checkpoint) on spanledger.log to ${WRITER_ROLE};
grant update (min, max) on spanledger.time_block to ${WRITER_ROLE};
grant update, delete on spanledger.open_run, spanledger.writer to ${WRITER_ROLE};
`

/** A step from one version to the next. */
export interface Migration {
  readonly sql: string
  /** Follows the SQL, in the same transaction. */
  readonly after?: (client: Client) => Promise<void>
}

/** The SQL that brings a database to each version, the first to version 1. */
export const MIGRATIONS: readonly Migration[] = [
  { sql: VERSION_1 },
  { sql: VERSION_2 },
  { sql: VERSION_3, after: fileAnew },
  { sql: VERSION_4 },
]
