import { MAX_SEALED_BYTES } from '../contract.js'
import { appendOnly, tablesOf } from './append-only.js'
import { grantSql } from './rights.js'
import { AS_OWNER, CONTENT_READER_ROLE, WRITER_ROLE } from './roles.js'
import { APPEND_TYPES, FOR_WRITERS } from './writer-functions.js'

/*
 * Version 4 of the schema: content items, in a table of their own. They come with their entries, in the same transaction: no entry
 * promises content that is not there, and nobody adds items to an entry later. They are encrypted, and the keys lie outside of
 * the database.
 *
 * `append` stays as it is: writers of version 3 that are open meanwhile go on, and record no content.
 *
 * Reading items takes a right of its own, so that most readers of a log see no content even if they have a key. The right is one to
 * the table: a reader without it is refused, and never takes items that it may not see for erased ones.
 */

/** Items of one entry. */
const MAX_ITEMS = 128
/** Bytes of the path of a field. */
const MAX_FIELD_BYTES = 4096

const APPEND_WITH_CONTENT = `spanledger.append_with_content(${APPEND_TYPES}, bytea, bigint[], smallint[], integer[], integer[], integer[], integer[])`

/** `$1, $2 …`: what `append` takes. */
const APPEND_VALUES = APPEND_TYPES.split(',')
  .map((_, at) => `$${at + 1}`)
  .join()

export const VERSION_4 = `
create table spanledger.content (
  log integer not null,
  seq bigint not null,
  item smallint not null check (item between 0 and ${MAX_ITEMS - 1}),
  field bytea not null check (octet_length(field) <= ${MAX_FIELD_BYTES}),
  bytes bytea not null check (octet_length(bytes) <= ${MAX_SEALED_BYTES}),
  primary key (log, seq, item)
) partition by hash (log);
-- What is encrypted cannot be compressed.
alter table spanledger.content alter column bytes set storage external;

-- A function of its own: items can be erased, and entries cannot.
create function spanledger.refuse_content_change() returns trigger language plpgsql as $$
begin
  raise exception '% of %: content stays as it was recorded', tg_op, tg_table_name using errcode = 'insufficient_privilege';
end $$;
${appendOnly('content', 'refuse_content_change')}

grant usage on schema spanledger to ${CONTENT_READER_ROLE};
grant select on spanledger.content to ${CONTENT_READER_ROLE};
${tablesOf('content')
  .map((table) => `alter table spanledger.${table} enable row level security;`)
  .join('\n')}
create policy readable_logs on spanledger.content for select to ${CONTENT_READER_ROLE}
  using (log = any (array(select readable.log from spanledger.log as readable)));

-- A whole commit whose entries have content: see append. The items' fields and bytes come as one value.
create function spanledger.append_with_content(
  ${APPEND_TYPES},
  p_content bytea, p_content_seqs bigint[], p_content_items smallint[],
  p_field_starts integer[], p_field_lengths integer[], p_item_starts integer[], p_item_lengths integer[]
) returns boolean language plpgsql ${AS_OWNER} as $$
begin
  if not spanledger.append(${APPEND_VALUES}) then
    return false;
  end if;
  -- $5 is the position of the first entry, and $7 has an element for each.
  if exists (select from unnest(p_content_seqs) as given(seq) where seq < $5 or seq >= $5 + cardinality($7)) then
    raise exception 'a commit to an audit log adds content of its own entries, and nothing else'
      using errcode = 'insufficient_privilege';
  end if;
  insert into spanledger.content (log, seq, item, field, bytes)
    select $1, seq, item, substring(p_content from fs for fl), substring(p_content from bs for bl)
    from unnest(p_content_seqs, p_content_items, p_field_starts, p_field_lengths, p_item_starts, p_item_lengths)
      as given(seq, item, fs, fl, bs, bl);
  return true;
end $$;
revoke all on function ${APPEND_WITH_CONTENT}, spanledger.refuse_content_change() from public;
grant execute on function ${APPEND_WITH_CONTENT} to ${WRITER_ROLE};

-- Roles that were granted a log before.
do $$ declare v_role name;
begin
  for v_role in select distinct granted.role from spanledger.log_right as granted
    join pg_catalog.pg_roles as role on role.rolname = granted.role where granted.may = 'write'
  loop
    execute pg_catalog.format('grant execute on function ${APPEND_WITH_CONTENT} to %I', v_role);
  end loop;
end $$;
${grantSql([...FOR_WRITERS, APPEND_WITH_CONTENT])}
`
