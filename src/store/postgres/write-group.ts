import { HASH_BYTES } from '../../tree/index.js'
import type { CommitMarks } from '../contract.js'
import { callerIdKey, openRunKey } from '../keys.js'
import { openRunChanges } from '../open-runs.js'
import type { Placement } from '../placement.js'
import { encodePosting } from '../posting-value.js'
import { postingsOf } from '../postings.js'
import { lastOfEachLevel, widenBlocks } from '../time-blocks.js'
import type { Head, WriterState } from './head.js'
import { partialValueKeys, postingValueKey } from './posting-rows.js'
import type { Ask } from './server.js'

/** Who writes, and where. */
export interface Writing {
  readonly log: number
  readonly writer: string
}

/*
 * All of a commit in one statement, and so in one transaction and one round trip. It takes place only if nobody has
 * touched the log since `version`: else the first part finds no row, and everything else that is joined with it does
 * nothing. Columns of bytes come as one value each, with where in it each row's bytes begin and how long they are.
 */
const STATEMENT = `
with head as (
  update spanledger.log
    set size = $3, root = $4, version = version + 1, checkpoint = coalesce($5, checkpoint)
    where log = $1 and version = $2
    returning log
), entry as (
  insert into spanledger.entry (log, seq, bytes)
    select log, $6::bigint + n - 1, substring($7::bytea from start for length)
    from head, unnest($8::integer[], $9::integer[]) with ordinality as given(start, length, n)
), posting as (
  insert into spanledger.posting (log, value, last_seq, first_seq, count, positions)
    select log, substring($10::bytea from vs for vl), last, first, count, substring($10::bytea from ps for pl)
    from head, unnest($11::integer[], $12::integer[], $13::bigint[], $14::bigint[], $15::integer[], $16::integer[],
      $17::integer[]) as given(vs, vl, last, first, count, ps, pl)
), tile as (
  insert into spanledger.tile (log, level, index, first, hashes)
    select log, level, index, first, substring($18::bytea from start for length)
    from head, unnest($19::smallint[], $20::bigint[], $21::smallint[], $22::integer[], $23::integer[])
      as given(level, index, first, start, length)
), time_block as (
  insert into spanledger.time_block (log, level, block, min, max)
    select log, level, block, min, max
    from head, unnest($24::smallint[], $25::bigint[], $26::text[], $27::text[]) as given(level, block, min, max)
    on conflict (log, level, block) do update set min = excluded.min, max = excluded.max
), caller_id as (
  insert into spanledger.caller_id (log, id, seq)
    select log, id, seq from head, unnest($28::bytea[], $29::bigint[]) as given(id, seq)
), begun as (
  insert into spanledger.open_run (log, run, writer, seq)
    select log, run, $30, seq from head, unnest($31::bytea[], $32::bigint[]) as given(run, seq)
    on conflict (log, run) do update set writer = excluded.writer, seq = excluded.seq
), ended as (
  delete from spanledger.open_run using head where open_run.log = head.log and run = any($33::bytea[])
), writer as (
  update spanledger.writer set closed = $34, journal_segment = $35, journal_offset = $36
    from head
    where writer.log = head.log and name = $30
      and (closed, journal_segment, journal_offset) is distinct from ($34::boolean, $35::bigint, $36::bigint)
)
select log from head`

/**
 * Writes a group with everything that is derived from it, if the log is still as `head` says.
 *
 * @returns the head that the next group builds on; `undefined` when somebody else has touched the log, and nothing was
 * written
 */
export async function writeGroup(
  ask: Ask,
  { log, writer }: Writing,
  head: Head,
  { fresh, callerIds }: Placement,
  state: WriterState,
  marks: CommitMarks | undefined,
): Promise<Head | undefined> {
  const { size } = head
  const checkpoint = isNewer(marks?.checkpoint, head.checkpoint) ? marks?.checkpoint : undefined
  const { frontier, tiles } = head.tree.append(fresh.map(({ leafHash }) => leafHash))
  const timeBlocks = widenBlocks(head.timeBlocks, fresh, size)
  const runs = openRunChanges(fresh, size)
  const begun = runs.filter(({ seq }) => seq !== undefined)
  const ended = runs.filter(({ seq }) => seq === undefined)

  const entries = new ByteColumns()
  for (const { bytes } of fresh) entries.add(bytes)
  const hashes = new ByteColumns()
  for (const tile of tiles) hashes.add(tile.hashes.subarray(tile.previousWidth * HASH_BYTES))
  const postings = new PostingColumns()
  for (const { index, value, seqs } of postingsOf(fresh, size)) {
    postings.add(postingValueKey(index, value), seqs)
  }
  for (const [key, seqs] of partialValueKeys(fresh, size)) postings.add(key, seqs)

  const values = [
    log,
    head.version,
    frontier.size,
    frontier.root,
    checkpoint,
    size,
    entries.bytes,
    array(entries.starts),
    array(entries.lengths),
    ...postings.values,
    hashes.bytes,
    array(tiles.map(({ level }) => level)),
    array(tiles.map(({ index }) => index)),
    array(tiles.map(({ previousWidth }) => previousWidth)),
    array(hashes.starts),
    array(hashes.lengths),
    array(timeBlocks.map(({ level }) => level)),
    array(timeBlocks.map(({ block }) => block)),
    timeBlocks.map(({ min }) => min),
    timeBlocks.map(({ max }) => max),
    [...callerIds.keys()].map(callerIdKey),
    array([...callerIds.values()]),
    writer,
    begun.map(({ tenantId, runId }) => openRunKey(tenantId, runId)),
    array(begun.map(({ seq }) => seq as number)),
    ended.map(({ tenantId, runId }) => openRunKey(tenantId, runId)),
    state.closed,
    state.journal?.segment,
    state.journal?.offset,
  ]
  const rows = await ask(STATEMENT, values, 'spanledger_append')
  if (rows.length === 0) return undefined
  return {
    size: frontier.size,
    root: frontier.root,
    version: head.version + 1,
    checkpoint: checkpoint ?? head.checkpoint,
    tree: frontier,
    timeBlocks: fresh.length > 0 ? lastOfEachLevel(timeBlocks) : head.timeBlocks,
  }
}

/** Whether a checkpoint is to be kept: another writer may have brought one of a larger tree meanwhile. */
function isNewer(checkpoint: string | undefined, kept: string | undefined): boolean {
  return checkpoint !== undefined && (kept === undefined || !(sizeOf(checkpoint) < sizeOf(kept)))
}

/** The second line of a checkpoint says how many entries it covers (C2SP tlog-checkpoint). */
function sizeOf(checkpoint: string): number {
  return Number(checkpoint.split('\n')[1])
}

/** The bytes of many rows as one value. */
class ByteColumns {
  readonly #parts: Uint8Array[] = []
  readonly starts: number[] = []
  readonly lengths: number[] = []
  /** Positions in a `bytea` count from 1. */
  #next = 1

  get bytes(): Buffer {
    return Buffer.concat(this.#parts, this.#next - 1)
  }

  add(bytes: Uint8Array): void {
    this.#parts.push(bytes)
    this.starts.push(this.#next)
    this.lengths.push(bytes.length)
    this.#next += bytes.length
  }
}

class PostingColumns {
  readonly #bytes = new ByteColumns()
  readonly #lasts: number[] = []
  readonly #firsts: number[] = []
  readonly #counts: number[] = []

  add(valueKey: Buffer, seqs: readonly number[]): void {
    this.#bytes.add(valueKey)
    this.#bytes.add(encodePosting(seqs))
    this.#lasts.push(seqs.at(-1) as number)
    this.#firsts.push(seqs[0] as number)
    this.#counts.push(seqs.length)
  }

  /** In the order of the statement's parameters. */
  get values(): readonly unknown[] {
    const { bytes, starts, lengths } = this.#bytes
    const even = (_: number, at: number) => at % 2 === 0
    const odd = (_: number, at: number) => at % 2 === 1
    return [
      bytes,
      array(starts.filter(even)),
      array(lengths.filter(even)),
      array(this.#lasts),
      array(this.#firsts),
      array(this.#counts),
      array(starts.filter(odd)),
      array(lengths.filter(odd)),
    ]
  }
}

/** Numbers as PostgreSQL writes an array: `pg` would quote each of them. */
function array(numbers: readonly number[]): string {
  return `{${numbers.join()}}`
}
