import { AuditLogError } from '../../../events/errors.js'
import { textOf } from '../../../events/text.js'
import { sameHash, TreeFrontier } from '../../../tree/index.js'
import { decodeLogId, encodeLogId, newLogId } from '../../log-id.js'
import { corrupt } from '../errors.js'
import { getMany } from '../get-many.js'
import { decodeHashKey, encodeHashKey, newHashKey } from '../hash-key.js'
import type { Database } from '../load-level.js'
import { decodeHead, decodeRemoved, encodeHead, type StoredHead, type WriterState } from './head-value.js'
import { checkpointKey, headKey, isHeadKey, metaKey, positionOf } from './keys.js'
import { NO_END, type OpenEnd, readOpenEnd } from './open-end.js'
import { StoredTiles } from './stored-tiles.js'

/** Version of everything below `entries/` and `index/`: keys, values and what they mean. */
export const FORMAT_VERSION = '3'

export const FORMAT_KEY: Buffer = metaKey('format')
export const ID_KEY: Buffer = metaKey('id')
export const HASH_KEY_KEY: Buffer = metaKey('hash key')
/** Of a log from which entries were removed; written with the slots that say so. */
export const REMOVED_KEY: Buffer = metaKey('removed')

/** The state of a log that the next commit builds on. */
export interface Head extends OpenEnd {
  /** See `AuditStore.id`. */
  readonly id: string
  /** The key that index values are hashed with, see `NameHashes`. */
  readonly hashKey: Uint8Array
  /** Over all entries: its size is theirs. */
  readonly tree: TreeFrontier
  readonly writer: WriterState
  /** The newest signed checkpoint. */
  readonly checkpoint: string | undefined
  /** Number of entries when that was stored. */
  readonly checkpointSize: number | undefined
  /** Number of entries that were removed. */
  readonly removedEntries: number
}

export const NEW_HEAD: Head = {
  id: '',
  hashKey: new Uint8Array(),
  tree: TreeFrontier.empty,
  ...NO_END,
  writer: { journal: undefined, closed: true },
  checkpoint: undefined,
  checkpointSize: undefined,
  removedEntries: 0,
}

/**
 * Reads where the log ends, and checks that the entries end there too. An empty database becomes an empty log.
 *
 * @throws AuditLogError `AUDIT_FORMAT_UNSUPPORTED`, `AUDIT_LOG_CORRUPT`
 */
export async function readHead(db: Database, location: string): Promise<Head> {
  // Attacker-controlled: stored values; each is decoded by a parser that refuses what no log writes.
  const [format, storedId, storedKey, removed] = await getMany(db, [FORMAT_KEY, ID_KEY, HASH_KEY_KEY, REMOVED_KEY])
  if (!format) return await initialise(db, location)
  const version = textOf(format)
  if (version !== FORMAT_VERSION) {
    throw new AuditLogError(
      'AUDIT_FORMAT_UNSUPPORTED',
      `The audit log ${location} has format version ${version}; this Spanledger supports version ${FORMAT_VERSION}`,
    )
  }
  const id = storedId && decodeLogId(storedId)
  if (id === undefined) throw corrupt(location, 'its id is missing or damaged')
  const hashKey = storedKey && decodeHashKey(storedKey)
  if (hashKey === undefined) throw corrupt(location, 'its key for index values is missing or damaged')
  const stored = await lastHead(db)
  if (!stored) throw corrupt(location, 'its head is missing')
  const { size, root, openFrom, writer, checkpointSize } = decodeHead(stored.value, location)
  if (stored.size !== size) throw corrupt(location, 'its head is malformed')
  const removedEntries = decodeRemoved(removed)
  if (removedEntries === undefined || removedEntries > size) {
    throw corrupt(location, 'its number of removed entries is malformed')
  }
  const end = await readOpenEnd(db, { size, openFrom }, location)
  const tree = await TreeFrontier.restore(size, new StoredTiles(db))
  if (!sameHash(tree.root, root)) throw corrupt(location, 'its tree does not have the root of its head')
  const checkpoint = checkpointSize === undefined ? undefined : await db.get(checkpointKey(checkpointSize))
  if (checkpointSize !== undefined && !checkpoint) throw corrupt(location, 'its checkpoint is missing')
  return {
    id,
    hashKey,
    tree,
    ...end,
    writer,
    checkpoint: checkpoint && textOf(checkpoint),
    checkpointSize,
    removedEntries,
  }
}

/** Returns the head that was stored last: no key but that of a checkpoint of the same size comes behind its own. */
export async function lastHead(
  db: Database,
): Promise<{ readonly size: number; readonly value: Uint8Array } | undefined> {
  const range = { gte: headKey(0), lte: checkpointKey(Number.MAX_SAFE_INTEGER), reverse: true }
  for await (const key of db.keys(range)) {
    if (!isHeadKey(key)) continue
    const value = await db.get(key)
    return value && { size: positionOf(key), value }
  }
  return undefined
}

/** Returns a head as it is stored. */
export function storedHead({ tree: { size, root }, openBlocks, writer, checkpointSize }: Head): StoredHead {
  return { size, root, openFrom: openBlocks.from, writer, checkpointSize }
}

async function initialise(db: Database, location: string): Promise<Head> {
  const keys = await db.keys({ limit: 1 }).all()
  if (keys.length > 0) throw corrupt(location, 'its format version is missing')
  const id = newLogId()
  const hashKey = newHashKey()
  await db
    .batch()
    .put(FORMAT_KEY, Buffer.from(FORMAT_VERSION))
    .put(ID_KEY, encodeLogId(id))
    .put(HASH_KEY_KEY, encodeHashKey(hashKey))
    .put(headKey(0), encodeHead(storedHead(NEW_HEAD)))
    .write({ sync: true })
  return { ...NEW_HEAD, id, hashKey }
}
