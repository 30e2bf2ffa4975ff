import { HASH_BYTES } from '../../tree/index.js'
import type { CommitMarks } from '../contract.js'
import { openRunKey } from '../keys.js'
import { openRunChanges } from '../open-runs.js'
import type { Placement } from '../placement.js'
import { encodePosting } from '../posting-value.js'
import { postingsOf } from '../postings.js'
import { lastOfEachLevel, widenBlocks } from '../time-blocks.js'
import { array, ByteColumns, SplitByteColumns } from './byte-columns.js'
import { contentColumns } from './content-columns.js'
import type { Head, WriterState } from './head.js'
import { partialValueKeys, postingValueKey } from './posting-rows.js'
import type { Ask } from './server.js'

/** The log that is written, and the name of its writer. */
export interface Writing {
  readonly log: number
  readonly writer: string
}

/** A group with the marks of its commit. */
export interface GroupWrite {
  readonly placement: Placement
  readonly state: WriterState
  readonly marks: CommitMarks | undefined
}

/** All of a commit as one call, in one transaction and one round trip: see writer-functions.ts. */
const WITHOUT_CONTENT = { text: callOf('append', 35), name: 'spanledger_append' }
/** The same with content: see content-table.ts. */
const WITH_CONTENT = { text: callOf('append_with_content', 42), name: 'spanledger_append_with_content' }

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
  { placement, state, marks }: GroupWrite,
): Promise<Head | undefined> {
  const { fresh, callerIds } = placement
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
    [...callerIds.keys()].map((id) => Buffer.from(id, 'latin1')),
    array([...callerIds.values()]),
    writer,
    begun.map(({ tenantId, runId }) => openRunKey(tenantId, runId)),
    array(begun.map(({ seq }) => seq as number)),
    ended.map(({ tenantId, runId }) => openRunKey(tenantId, runId)),
    state.closed,
    state.journal?.segment,
    state.journal?.offset,
  ]
  const content = contentColumns(fresh, size)
  const { text, name } = content ? WITH_CONTENT : WITHOUT_CONTENT
  const [row] = await ask<{ done: boolean }>(text, content ? [...values, ...content] : values, name)
  if (!row?.done) return undefined
  return {
    size: frontier.size,
    root: frontier.root,
    version: head.version + 1,
    checkpoint: checkpoint ?? head.checkpoint,
    tree: frontier,
    timeBlocks: fresh.length > 0 ? lastOfEachLevel(timeBlocks) : head.timeBlocks,
  }
}

function callOf(name: string, values: number): string {
  return `select spanledger.${name}(${Array.from({ length: values }, (_, at) => `$${at + 1}`).join()}) as done`
}

/** Tells whether a checkpoint is to be kept: another writer may have brought one of a larger tree meanwhile. */
function isNewer(checkpoint: string | undefined, kept: string | undefined): boolean {
  if (checkpoint === undefined) return false
  const keptSize = kept === undefined ? Number.NaN : sizeOf(kept)
  return Number.isNaN(keptSize) || sizeOf(checkpoint) >= keptSize
}

/** The second line of a checkpoint says how many entries it covers (C2SP tlog-checkpoint). */
function sizeOf(checkpoint: string): number {
  return Number(/^\d{1,18}$/.exec(checkpoint.split('\n')[1] ?? '')?.[0] ?? Number.NaN)
}

class PostingColumns {
  readonly #bytes = new SplitByteColumns()
  readonly #lasts: number[] = []
  readonly #firsts: number[] = []
  readonly #counts: number[] = []

  add(valueKey: Buffer, seqs: readonly number[]): void {
    this.#bytes.add(valueKey, encodePosting(seqs))
    this.#lasts.push(seqs.at(-1) as number)
    this.#firsts.push(seqs[0] as number)
    this.#counts.push(seqs.length)
  }

  /** In the order of the statement's parameters. */
  get values(): readonly unknown[] {
    return [
      this.#bytes.bytes,
      ...this.#bytes.places('first'),
      array(this.#lasts),
      array(this.#firsts),
      array(this.#counts),
      ...this.#bytes.places('second'),
    ]
  }
}
