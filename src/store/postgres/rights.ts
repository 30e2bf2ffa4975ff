import { READER_ROLE, WRITER_ROLE } from './roles.js'

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
/** The functions that writers call. */
const FOR_WRITERS = [
  'create_log(text)',
  'open_writer(integer, text, uuid)',
  'lock_log(integer)',
  'append(integer, bigint, bytea, text, bigint, bytea, integer[], integer[], bytea, integer[], integer[], bigint[], bigint[], integer[], integer[], integer[], bytea, smallint[], bigint[], smallint[], integer[], integer[], smallint[], bigint[], text[], text[], bytea[], bigint[], text, bytea[], bigint[], bytea[], boolean, bigint, bigint)',
  'forget_writer(integer, text, uuid)',
].map((name) => `spanledger.${name}`)

const READABLE = [...TABLES, 'log_right', 'migration'].map((table) => `spanledger.${table}`).join(', ')

/** Runs as the owner; what it calls is what PostgreSQL itself has, or is named in full. */
const AS_OWNER = 'security definer set search_path = pg_catalog, pg_temp'

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

create function spanledger.create_log(p_id text) returns integer language plpgsql ${AS_OWNER} as $$
declare v_log integer;
begin
  select log into v_log from spanledger.log where id = p_id;
  if v_log is null then
    if not (pg_has_role(spanledger.acting_role(), '${WRITER_ROLE}', 'usage') or spanledger.is_owner()) then
      raise exception 'the role % may not create audit logs', spanledger.acting_role()
        using errcode = 'insufficient_privilege';
    end if;
    insert into spanledger.log (id, size, root, version) values (p_id, 0, sha256(''::bytea), 0)
      on conflict (id) do nothing returning log into v_log;
    if v_log is not null then
      insert into spanledger.log_right (log, role, may) values (v_log, spanledger.acting_role(), 'write');
      return v_log;
    end if;
    select log into v_log from spanledger.log where id = p_id;
  end if;
  perform spanledger.require_write(v_log);
  return v_log;
end $$;

create function spanledger.lock_log(p_log integer)
  returns table (size bigint, root bytea, version bigint, checkpoint text) language plpgsql ${AS_OWNER} as $$
begin
  perform spanledger.require_write(p_log);
  return query select head.size, head.root, head.version, head.checkpoint
    from spanledger.log as head where head.log = p_log for update;
end $$;

-- Makes an opening the one that writes under a name. The version moves on, so that a writer of the same name learns with
-- its next commit that it was followed. Locks the log; returns what the writer of this name said last.
create function spanledger.open_writer(p_log integer, p_name text, p_session uuid)
  returns table (closed boolean, journal_segment bigint, journal_offset bigint) language plpgsql ${AS_OWNER} as $$
begin
  perform spanledger.require_write(p_log);
  update spanledger.log as head set version = head.version + 1 where head.log = p_log;
  return query select before.closed, before.journal_segment, before.journal_offset
    from spanledger.writer as before where before.log = p_log and before.name = p_name;
  insert into spanledger.writer as opened (log, name, session, closed) values (p_log, p_name, p_session, true)
    on conflict on constraint writer_pkey do update set session = excluded.session, opened_at = now();
end $$;

-- Nobody will write under this name again. Runs that it left open stay so.
create function spanledger.forget_writer(p_log integer, p_name text, p_session uuid) returns void
  language plpgsql ${AS_OWNER} as $$
begin
  perform spanledger.require_write(p_log);
  delete from spanledger.writer where log = p_log and name = p_name and session = p_session;
end $$;

-- A whole commit, if nobody has touched the log since p_version: returns false and does nothing where somebody has.
-- Columns of bytes come as one value each, with where in it each row's bytes begin and how long they are.
create function spanledger.append(
  p_log integer, p_version bigint, p_root bytea, p_checkpoint text, p_first bigint,
  p_entries bytea, p_entry_starts integer[], p_entry_lengths integer[],
  p_postings bytea, p_value_starts integer[], p_value_lengths integer[], p_lasts bigint[], p_firsts bigint[],
  p_counts integer[], p_position_starts integer[], p_position_lengths integer[],
  p_hashes bytea, p_tile_levels smallint[], p_tile_indexes bigint[], p_tile_firsts smallint[],
  p_hash_starts integer[], p_hash_lengths integer[],
  p_time_levels smallint[], p_time_blocks bigint[], p_mins text[], p_maxs text[],
  p_ids bytea[], p_id_seqs bigint[],
  p_writer text, p_begun bytea[], p_begun_seqs bigint[], p_ended bytea[],
  p_closed boolean, p_segment bigint, p_offset bigint
) returns boolean language plpgsql ${AS_OWNER} as $$
declare
  v_before spanledger.log;
  v_size bigint;
begin
  perform spanledger.require_write(p_log);
  select * into v_before from spanledger.log where log = p_log for update;
  if v_before.version is distinct from p_version then
    return false;
  end if;
  v_size := v_before.size + cardinality(p_entry_starts);
  if p_first <> v_before.size or octet_length(p_root) <> 32
    or (v_size = v_before.size and p_root <> v_before.root)
    or exists (select from unnest(p_lasts, p_firsts, p_counts) as given(last, first, count)
      where first < v_before.size or last < first or last >= v_size or count not between 1 and last - first + 1)
    or exists (select from unnest(p_tile_levels, p_tile_indexes, p_tile_firsts, p_hash_lengths)
        as given(level, index, first, length)
      where level not between 0 and 7 or first not between 0 and 255 or length < 32 or length % 32 <> 0
        or index * 256 + first < v_before.size >> 8 * level
        or index * 256 + first + length / 32 > v_size >> 8 * level)
    or exists (select from unnest(p_time_levels, p_time_blocks) as given(level, block)
      where level not between 0 and 2
        or block not between v_before.size >> 8 * (level + 1) and (v_size - 1) >> 8 * (level + 1))
    or exists (select from unnest(p_id_seqs || p_begun_seqs) as given(seq)
      where seq < v_before.size or seq >= v_size)
  then
    raise exception 'a commit to an audit log adds to its end, and nothing else' using errcode = 'insufficient_privilege';
  end if;
  with entry as (
    insert into spanledger.entry (log, seq, bytes)
      select p_log, p_first + n - 1, substring(p_entries from start for length)
      from unnest(p_entry_starts, p_entry_lengths) with ordinality as given(start, length, n)
  ), posting as (
    insert into spanledger.posting (log, value, last_seq, first_seq, count, positions)
      select p_log, substring(p_postings from vs for vl), last, first, count, substring(p_postings from ps for pl)
      from unnest(p_value_starts, p_value_lengths, p_lasts, p_firsts, p_counts, p_position_starts, p_position_lengths)
        as given(vs, vl, last, first, count, ps, pl)
  ), tile as (
    insert into spanledger.tile (log, level, index, first, hashes)
      select p_log, level, index, first, substring(p_hashes from start for length)
      from unnest(p_tile_levels, p_tile_indexes, p_tile_firsts, p_hash_starts, p_hash_lengths)
        as given(level, index, first, start, length)
  ), time_block as (
    insert into spanledger.time_block as block (log, level, block, min, max)
      select p_log, level, number, min, max
      from unnest(p_time_levels, p_time_blocks, p_mins, p_maxs) as given(level, number, min, max)
      on conflict (log, level, block) do update
        set min = least(block.min, excluded.min), max = greatest(block.max, excluded.max)
  ), caller_id as (
    insert into spanledger.caller_id (log, id, seq)
      select p_log, id, seq from unnest(p_ids, p_id_seqs) as given(id, seq)
  ), begun as (
    insert into spanledger.open_run (log, run, writer, seq)
      select p_log, run, p_writer, seq from unnest(p_begun, p_begun_seqs) as given(run, seq)
      on conflict (log, run) do update set writer = excluded.writer, seq = excluded.seq
  ), ended as (
    delete from spanledger.open_run where log = p_log and run = any(p_ended)
  )
  update spanledger.writer set closed = p_closed, journal_segment = p_segment, journal_offset = p_offset
    where log = p_log and name = p_writer
      and (closed, journal_segment, journal_offset) is distinct from (p_closed, p_segment, p_offset);
  update spanledger.log set size = v_size, root = p_root, version = version + 1, checkpoint = case
      when p_checkpoint is null then checkpoint
      when spanledger.checkpoint_size(checkpoint) is null then p_checkpoint
      when spanledger.checkpoint_size(p_checkpoint) >= spanledger.checkpoint_size(checkpoint) then p_checkpoint
      else checkpoint
    end
    where log = p_log;
  return true;
end $$;

-- For the owner of the tables: gives a role the right to read or to write a log, which is created where it is missing.
-- The first role that may write a log takes the place of all members of ${WRITER_ROLE}.
create function spanledger.grant_log(p_id text, p_role name, p_may text) returns void language plpgsql
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
    execute format('grant execute on function ${FOR_WRITERS.join(', ')} to %I', p_role);
  end if;
  insert into spanledger.log_right (log, role, may) values (v_log, p_role, p_may) on conflict do nothing;
  execute format('grant usage on schema spanledger to %I', p_role);
  execute format('grant select on ${READABLE} to %I', p_role);
end $$;

-- For the owner of the tables: takes away what a role may do with a log.
create function spanledger.revoke_log(p_id text, p_role name) returns void language sql
  set search_path = pg_catalog, pg_temp as $$
  delete from spanledger.log_right where role = p_role and log = (select log from spanledger.log where id = p_id)
$$;

revoke all on all functions in schema spanledger from public;
grant execute on function ${FOR_WRITERS.join(', ')} to ${WRITER_ROLE};
`
