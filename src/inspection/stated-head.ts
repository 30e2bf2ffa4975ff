import { textOf } from '../events/text.js'
import { Block } from '../store/leveldb/entries/block.js'
import {
  FORMAT_KEY,
  FORMAT_VERSION,
  HASH_KEY_KEY,
  ID_KEY,
  lastHead,
  REMOVED_KEY,
} from '../store/leveldb/entries/head.js'
import { decodeHead, decodeRemoved, isHead, type StoredHead } from '../store/leveldb/entries/head-value.js'
import { blockKey, checkpointKey } from '../store/leveldb/entries/keys.js'
import { lastBlock } from '../store/leveldb/entries/open-end.js'
import { decodeHashKey } from '../store/leveldb/hash-key.js'
import type { Database } from '../store/leveldb/load-level.js'
import { decodeLogId } from '../store/log-id.js'
import type { Findings } from '../verify/findings.js'
import { damageIn } from './damage.js'

/** The statements of a database about itself. */
export interface StatedHead {
  /** Number of entries that are there, or should be. */
  readonly size: number
  /** Root hash over them. */
  readonly root: Uint8Array | undefined
  /** Position of the first entry in a small block, see `OpenBlocks`. */
  readonly openFrom: number
  /** Number of entries when the checkpoint was stored. */
  readonly checkpointSize: number | undefined
  readonly checkpoint: string | undefined
  /** See `AuditStore.id`. */
  readonly id: string | undefined
  /** The log's key for index values. */
  readonly hashKey: Uint8Array | undefined
  /** Number of entries that were removed. */
  readonly removedEntries: number
}

/** Most entries of a log whose head is damaged, counted by its last entry: there must be an end to them. */
const MAX_GUESSED_SIZE = 2 ** 32

/** Reads the head as it is, without the checks by which a log is opened: these would end at the first that fails. */
export async function readStatedHead(db: Database, findings: Findings, location: string): Promise<StatedHead> {
  const get = async (key: Buffer, what: string) => {
    try {
      return (await db.get(key)) as Uint8Array | undefined
    } catch (error) {
      findings.add('database_unreadable', `${what} cannot be read: ${damageIn(error, location).message}`)
      return undefined
    }
  }
  const format = await get(FORMAT_KEY, 'the format version')
  if (!format || textOf(format) !== FORMAT_VERSION)
    findings.add('head_altered', 'the format version is not one of a log')
  const storedId = await get(ID_KEY, 'the id')
  const id = storedId && decodeLogId(storedId)
  if (id === undefined) findings.add('head_altered', 'the id is missing or damaged')
  const storedKey = await get(HASH_KEY_KEY, 'the key for index values')
  const hashKey = storedKey && decodeHashKey(storedKey)
  if (hashKey === undefined) findings.add('head_altered', 'the key for index values is missing or damaged')
  const removedEntries = decodeRemoved(await get(REMOVED_KEY, 'the number of removed entries'))
  if (removedEntries === undefined) findings.add('head_altered', 'the number of removed entries is malformed')
  const common = { id, hashKey, removedEntries: removedEntries ?? 0 }
  const found = await endOfBlocks(db, findings, location)
  const head = await readLastHead(db, findings, location)
  if (!head) {
    findings.add('head_altered', 'the head is missing or malformed')
    const size = Math.min(found, MAX_GUESSED_SIZE)
    return { ...common, checkpoint: undefined, checkpointSize: undefined, size, openFrom: size, root: undefined }
  }
  const { size: stated, root, openFrom, checkpointSize } = head
  const checkpoint =
    checkpointSize === undefined ? undefined : await get(checkpointKey(checkpointSize), 'the checkpoint')
  if (checkpointSize !== undefined && !checkpoint) {
    findings.add(
      'head_altered',
      `the head tells of a checkpoint stored with ${checkpointSize} entries, and there is none`,
    )
  }
  if (stated > found) {
    findings.add('entry_missing', `by its head the log has ${stated} entries, but the last one there is ${found - 1}`, {
      from: found,
      to: stated,
    })
  }
  const size = Math.min(stated, found)
  const isBlock = openFrom === stated || (openFrom < size && (await get(blockKey(openFrom), 'a block')) !== undefined)
  if (!isBlock) findings.add('head_altered', `the head tells of a block of entry ${openFrom}, and there is none`)
  return { ...common, checkpoint: checkpoint && textOf(checkpoint), checkpointSize, size, openFrom, root }
}

/** Returns the last head; `undefined` where it is missing, malformed or damaged. */
async function readLastHead(db: Database, findings: Findings, location: string): Promise<StoredHead | undefined> {
  try {
    const last = await lastHead(db)
    if (!last || !isHead(last.value)) return undefined
    const head = decodeHead(last.value, location)
    return head.size === last.size ? head : undefined
  } catch (error) {
    findings.add('database_unreadable', `the head cannot be read: ${damageIn(error, location).message}`)
    return undefined
  }
}

/** Returns the number of entries, if none is missing before the last. */
async function endOfBlocks(db: Database, findings: Findings, location: string): Promise<number> {
  try {
    const last = await lastBlock(db)
    return last ? endOf(...last) : 0
  } catch (error) {
    findings.add('database_unreadable', `the last entry cannot be read: ${damageIn(error, location).message}`)
    return 0
  }
}

// Attacker-controlled: a stored block; `Block` refuses one that does not span what it says.
function endOf(firstSeq: number, value: Uint8Array): number {
  try {
    return new Block(firstSeq, value).end
  } catch (error) {
    if (error instanceof RangeError) return firstSeq + 1
    throw error
  }
}
