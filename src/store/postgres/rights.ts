import { AS_OWNER, READER_ROLE, WRITER_ROLE } from './roles.js'
import { FOR_WRITERS, WRITER_FUNCTIONS } from './writer-functions.js'

/*
 * Version 2 of the schema: rights for each log.
 *
 * Nobody but the owner of the tables changes a table. Who writes a log calls functions that do it for them, as the owner,
 * and that look first whether the role has the right for this log: so a head moves with its entries or not at all, and
 * what is stored is only added to. Who reads sees the rows of the logs that the role has a right for.
 *
 * A function that runs as its owner does not see the role of its caller as `current_user`. It takes the role that was
 * set (SET ROLE, which the server allows to members alone) or else the one that logged in.
 */

/** Tables whose rows belong to a log. */
const TABLES = ['log', 'entry', 'posting', 'tile', 'caller_id', 'time_block', 'open_run', 'writer']
const READABLE = [...TABLES, 'log_right', 'migration'].map((table) => `spanledger.${table}`).join(', ')

const policies = (table: string) => `
alter table spanledger.${table} enable row level security;
create policy every_log on spanledger.${table} for select to ${READER_ROLE} using (true);
create policy granted_logs on spanledger.${table} for select using (log = any (array(
  select granted.log from spanledger.log_right as granted join pg_catalog.pg_roles as role on role.rolname = granted.role
    where pg_catalog.pg_has_role(role.oid, 'usage'))));`

/** Partitions are reached through their table: whoever may read all tables of the schema reads nothing here. */
const CLOSE_PARTITIONS = `
do $$ declare v_partition text;
begin
  for v_partition in select inhrelid::regclass::text from pg_catalog.pg_inherits
    where inhparent in ('spanledger.entry'::regclass, 'spanledger.posting'::regclass, 'spanledger.tile'::regclass,
      'spanledger.caller_id'::regclass)
  loop
    execute 'revoke all on ' || v_partition || ' from ${WRITER_ROLE}, ${READER_ROLE}';
    execute 'alter table ' || v_partition || ' enable row level security';
  end loop;
end $$;`

/** Returns the function that grants a log. @param functions - that writers call */
export function grantSql(functions: readonly string[]): string {
  return `-- For the owner of the tables: gives a role the right to read or to write a log, which is created where it is missing.
-- The first role that may write a log takes the place of all members of ${WRITER_ROLE}.
create or replace function spanledger.grant_log(p_id text, p_role name, p_may text) returns void language plpgsql
  set search_path = pg_catalog, pg_temp as $$
declare v_log integer;
begin
  if not exists (select from pg_roles where rolname = p_role) then
    raise exception 'there is no role %', p_role using errcode = 'undefined_object';
  end if;
  insert into spanledger.log (id, size, root, version) values (p_id, 0, sha256(''::bytea), 0) on conflict (id) do nothing;
  select log into v_log from spanledger.log where id = p_id;
  if p_may = 'write' then
    delete from spanledger.log_right where log = v_log and role = '${WRITER_ROLE}';
    execute format('grant execute on function ${functions.join(', ')} to %I', p_role);
  end if;
  insert into spanledger.log_right (log, role, may) values (v_log, p_role, p_may) on conflict do nothing;
  execute format('grant usage on schema spanledger to %I', p_role);
  execute format('grant select on ${READABLE} to %I', p_role);
end $$;`
}

export const VERSION_2 = `
-- Tells the log from every other, of this database or another.
alter table spanledger.log add column uid text not null
  default pg_catalog.substr(pg_catalog.md5(pg_catalog.gen_random_uuid()::text), 1, 16);
-- Version 1 forgot runs that a writer without a name of its own had left open: those begun before this position may be
-- missing from open_run.
alter table spanledger.log add column runs_from bigint not null default 0;
update spanledger.log set runs_from = size, version = version + 1 where size > 0;

create table spanledger.log_right (
  log integer not null,
  role name not null,
  may text not null check (may in ('read', 'write')),
  primary key (log, role, may)
);
-- Whoever could write them goes on to do so, until the first role is granted the log.
insert into spanledger.log_right (log, role, may) select log, '${WRITER_ROLE}', 'write' from spanledger.log;

revoke all on all tables in schema spanledger from ${WRITER_ROLE}, ${READER_ROLE};
revoke update (size, root, version, checkpoint) on spanledger.log from ${WRITER_ROLE};
revoke update (min, max) on spanledger.time_block from ${WRITER_ROLE};
grant select on ${READABLE} to ${WRITER_ROLE}, ${READER_ROLE};
${TABLES.map(policies).join('\n')}
${CLOSE_PARTITIONS}

-- The number of entries that a checkpoint says to cover (C2SP tlog-checkpoint, second line).
create function spanledger.checkpoint_size(p_checkpoint text) returns bigint language sql immutable
  set search_path = pg_catalog, pg_temp as $$
  select case when split_part(p_checkpoint, E'\\n', 2) ~ '^[0-9]{1,18}$' then split_part(p_checkpoint, E'\\n', 2)::bigint end
$$;

create or replace function spanledger.refuse_going_back() returns trigger language plpgsql ${AS_OWNER} as $$
begin
  if new.log <> old.log or new.id <> old.id or new.uid <> old.uid or new.runs_from <> old.runs_from
    or new.size < old.size
    or new.version <= old.version
  then
    raise exception 'the head of an audit log only ever moves forward' using errcode = 'insufficient_privilege';
  end if;
  if new.size > old.size and new.size - old.size <> (
    select count(*) from spanledger.entry where log = new.log and seq >= old.size and seq < new.size)
  then
    raise exception 'the head of an audit log only ever moves with its entries' using errcode = 'insufficient_privilege';
  end if;
  if old.checkpoint is not null and (new.checkpoint is null
    or coalesce(spanledger.checkpoint_size(new.checkpoint), -1) < spanledger.checkpoint_size(old.checkpoint))
  then
    raise exception 'the checkpoint of an audit log is only ever replaced by one that covers as much'
      using errcode = 'insufficient_privilege';
  end if;
  return new;
end $$;

create function spanledger.refuse_beginning() returns trigger language plpgsql ${AS_OWNER} as $$
begin
  if new.size <> 0 or new.version <> 0 or new.checkpoint is not null then
    raise exception 'an audit log begins empty' using errcode = 'insufficient_privilege';
  end if;
  return new;
end $$;
create trigger begins_empty before insert on spanledger.log
  for each row execute function spanledger.refuse_beginning();

create function spanledger.acting_role() returns name language sql stable set search_path = pg_catalog, pg_temp as $$
  select case current_setting('role') when 'none' then session_user else current_setting('role')::name end
$$;

create function spanledger.is_owner() returns boolean language sql stable ${AS_OWNER} as $$
  select pg_has_role(spanledger.acting_role(), current_user, 'usage')
$$;

create function spanledger.require_write(p_log integer) returns void language plpgsql stable ${AS_OWNER} as $$
begin
  if exists (select from spanledger.log_right as granted join pg_roles as role on role.rolname = granted.role
      where granted.log = p_log and granted.may = 'write'
        and pg_has_role(spanledger.acting_role(), role.oid, 'usage'))
    or spanledger.is_owner()
  then
    return;
  end if;
  raise exception 'the role % may not write this audit log', spanledger.acting_role()
    using errcode = 'insufficient_privilege';
end $$;

${WRITER_FUNCTIONS}

${grantSql(FOR_WRITERS)}

-- For the owner of the tables: takes away what a role may do with a log.
create function spanledger.revoke_log(p_id text, p_role name) returns void language sql
  set search_path = pg_catalog, pg_temp as $$
  delete from spanledger.log_right where role = p_role and log = (select log from spanledger.log where id = p_id)
$$;

revoke all on all functions in schema spanledger from public;
grant execute on function ${FOR_WRITERS.join(', ')} to ${WRITER_ROLE};
`
