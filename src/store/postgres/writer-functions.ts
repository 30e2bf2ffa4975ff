import { AS_OWNER, WRITER_ROLE } from './roles.js'

/* The functions that write a log for whoever has the right, as the owner of the tables: a part of version 2 of the schema. */

/** Types of the parameters of `append`. */
export const APPEND_TYPES =
  'integer, bigint, bytea, text, bigint, bytea, integer[], integer[], bytea, integer[], integer[], bigint[], bigint[], integer[], integer[], integer[], bytea, smallint[], bigint[], smallint[], integer[], integer[], smallint[], bigint[], text[], text[], bytea[], bigint[], text, bytea[], bigint[], bytea[], boolean, bigint, bigint'

/** The functions that writers call, as of version 2. */
export const FOR_WRITERS = [
  'create_log(text)',
  'open_writer(integer, text, uuid)',
  'lock_log(integer)',
  `append(${APPEND_TYPES})`,
  'forget_writer(integer, text, uuid)',
].map((name) => `spanledger.${name}`)

export const WRITER_FUNCTIONS = `create function spanledger.create_log(p_id text) returns integer language plpgsql ${AS_OWNER} as $$
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
end $$;`
