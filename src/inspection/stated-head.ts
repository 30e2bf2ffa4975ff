import { entryKey, metaKey, prefixEnd, readSeq, seqOfKey } from '../store/keys.js'
import type { Database } from '../store/leveldb/database.js'
import { CHECKPOINT_KEY, FORMAT_VERSION, HEAD_KEY, ID_KEY, textOf } from '../store/leveldb/head.js'
import { decodeLogId } from '../store/log-id.js'
import { HASH_BYTES } from '../tree/index.js'
import type { Findings } from '../verify/findings.js'
import { damageIn } from './damage.js'

/** What a database says of itself. */
export interface StatedHead {
  /** Number of entries that are there, or should be. */
  readonly size: number
  /** Root hash over them. */
  readonly root: Uint8Array | undefined
  readonly checkpoint: string | undefined
  /** See `AuditStore.id`. */
  readonly id: string | undefined
}

/** Where the head is damaged, the last entry tells how many there are: not more than this, so that there is an end to it. */
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
  const format = await get(metaKey('format'), 'the format version')
  if (!format || textOf(format) !== FORMAT_VERSION)
    findings.add('head_altered', 'the format version is not one of a log')
  const checkpoint = await get(CHECKPOINT_KEY, 'the checkpoint')
  const storedId = await get(ID_KEY, 'the id')
  const id = storedId && decodeLogId(storedId)
  if (storedId && id === undefined) findings.add('head_altered', 'the id is damaged')
  const head = await get(HEAD_KEY, 'the head')
  const found = await lastEntry(db, findings, location)
  if (head?.length !== 8 + HASH_BYTES) {
    findings.add('head_altered', 'the head is missing or malformed')
    return {
      size: Math.min(found, MAX_GUESSED_SIZE),
      root: undefined,
      checkpoint: checkpoint && textOf(checkpoint),
      id,
    }
  }
  const stated = readSeq(head, 0)
  if (stated > found) {
    findings.add('entry_missing', `by its head the log has ${stated} entries, but the last one there is ${found - 1}`, {
      from: found,
      to: stated,
    })
  }
  return { size: Math.min(stated, found), root: head.subarray(8), checkpoint: checkpoint && textOf(checkpoint), id }
}

/** How many entries there are, if none is missing before the last. */
async function lastEntry(db: Database, findings: Findings, location: string): Promise<number> {
  const prefix = entryKey(0).subarray(0, 1)
  try {
    const [last] = await db.keys({ gte: prefix as Buffer, lt: prefixEnd(prefix), reverse: true, limit: 1 }).all()
    return last ? seqOfKey(last) + 1 : 0
  } catch (error) {
    findings.add('database_unreadable', `the last entry cannot be read: ${damageIn(error, location).message}`)
    return 0
  }
}
