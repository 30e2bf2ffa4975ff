import { rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { readersOfLog } from '../../../files/readers.js'
import { HASH_BYTES, rootAt, sameHash, type TileReader } from '../../../tree/index.js'
import { createDirectory } from '../../directory.js'
import { encodePosting } from '../../posting-value.js'
import { encodeSeq, readSeq, SEQ_BYTES } from '../../seq-bytes.js'
import { openBlocks, type TimeBlock } from '../../time-blocks.js'
import { isLocked } from '../errors.js'
import { type KeptModes, keepModes } from '../file-modes.js'
import { getMany } from '../get-many.js'
import type { NameHashes } from '../hash-key.js'
import { type Database, newDatabase } from '../load-level.js'
import { hasRecoveredAll } from '../recovered-log.js'
import { requireSafeToWrite } from '../safe-to-write.js'
import { callerIdKey, callerIdKeyOf, metaKey, openRunKey, postingKey, timeBlockKey, valueKey } from './keys.js'
import { PostingCache } from './posting-cache.js'
import { RunRows } from './run-rows.js'
import { Stretches, WRITE_BUFFER_BYTES } from './stretches.js'
import type { IndexTail } from './tail.js'
import { TimeBlockCache } from './time-block-cache.js'
import { decodeTimeBlock, encodeTimeBlock } from './time-block-value.js'

/** Everything in it is written in large batches, mostly under keys in no order: a large buffer spares merging. */
const TUNING = { writeBufferSize: WRITE_BUFFER_BYTES, maxFileSize: 4 * 2 ** 20, blockSize: 4 * 2 ** 10 }
/** The number of what an index files and how. It rises with each change, so that indexes of before are derived anew. */
const INDEX_SCHEMA = '7'

export const LOG_KEY: Buffer = metaKey('log')
export const COVERED_KEY: Buffer = metaKey('covered')

/** The log that an index is of. */
export interface IndexedLog {
  readonly id: string
  readonly size: number
  /** Number of entries that were removed: an index that was made before leads to them. */
  readonly removedEntries: number
  readonly hashes: NameHashes
  readonly tiles: TileReader
  readonly location: string
}

/**
 * The database `index`. All of it follows from the entries, so that it is never a reason to refuse a log: one that is
 * missing, damaged, of another schema, newer than the entries, older than a removal of entries, or of another log gives way to an empty one.
 */
export class IndexDatabase {
  readonly db: Database
  /** Postings of it that were read. */
  readonly postings: PostingCache = new PostingCache()
  /** Time blocks of it that were read. */
  readonly timeBlocks: TimeBlockCache
  readonly #hashes: NameHashes
  readonly #rows: RunRows
  readonly #stretches: Stretches
  readonly #modes: KeptModes
  #covered: number

  /** @param path - of the database, which is created where it is missing */
  static async open(path: string, log: IndexedLog): Promise<IndexDatabase> {
    const found = await openFound(path, log)
    if (found) return new IndexDatabase(found.db, log.hashes, found, await keepModes(path))
    return await IndexDatabase.create(path, log)
  }

  /** Puts an empty database in the place of whatever is there. */
  static async create(path: string, log: IndexedLog): Promise<IndexDatabase> {
    await rm(path, { recursive: true, force: true })
    await createDirectory(path, readersOfLog(dirname(path)))
    const db = await openLevel(path)
    await db.put(LOG_KEY, Buffer.from(nameOf(log)))
    const modes = await keepModes(path)
    return new IndexDatabase(db, log.hashes, { covered: 0, stretches: new Stretches() }, modes)
  }

  private constructor(db: Database, hashes: NameHashes, { covered, stretches }: Coverage, modes: KeptModes) {
    this.db = db
    this.#modes = modes
    this.timeBlocks = new TimeBlockCache(db)
    this.#hashes = hashes
    this.#rows = new RunRows(db, hashes)
    this.#stretches = stretches
    this.#covered = covered
  }

  /** Number of entries, from the first one on, whose values are in the database. */
  get covered(): number {
    return this.#covered
  }

  /** Returns the last time block of each level, where further entries would widen it. */
  async lastTimeBlocks(): Promise<readonly TimeBlock[]> {
    const open = openBlocks(this.#covered)
    const values = await getMany(
      this.db,
      open.map(({ level, block }) => timeBlockKey(level, block)),
    )
    return open.flatMap(({ level, block }, at) => {
      const value = values[at]
      return value ? [decodeTimeBlock(level, block, value)] : []
    })
  }

  /** Takes in what follows what is covered, in one batch. @param root - of the log's tree at the end of the tail */
  async write(tail: IndexTail, root: Uint8Array): Promise<void> {
    const hashes = this.#hashes
    const batch = this.db.batch()
    // Of the postings and the rows: about all there is.
    let bytes = 0
    try {
      const rows = this.#rows.behind(tail)
      // Awaited below: if what comes before fails, nobody waits for it.
      rows.catch(() => undefined)
      for (const { index, value, seqs } of tail.postings) {
        const key = valueKey(
          index,
          value.map((part) => hashes.of(part)),
        )
        const posting = encodePosting(seqs)
        bytes += posting.length
        batch.put(postingKey(key, seqs[seqs.length - 1] as number), posting)
      }
      for (const block of tail.timeBlocks) batch.put(timeBlockKey(block.level, block.block), encodeTimeBlock(block))
      for (const { id, seq } of tail.callerIds) batch.put(callerIdKey(hashes, id), encodeSeq(seq))
      for (const [hash, seq] of tail.removedIds) batch.put(callerIdKeyOf(Buffer.from(hash, 'latin1')), encodeSeq(seq))
      for (const { tenantId, runId, seq } of tail.openRuns) {
        const key = openRunKey(hashes, tenantId, runId)
        if (seq === undefined) batch.del(key)
        else batch.put(key, encodeSeq(seq))
      }
      for (const { key, value } of await rows) {
        bytes += value.length
        batch.put(key, value)
      }
      this.#stretches.add(batch, tail)
      batch.put(COVERED_KEY, Buffer.concat([encodeSeq(tail.to), root]))
      await batch.write()
    } finally {
      await batch.close()
    }
    this.#stretches.written(tail, bytes)
    this.#covered = tail.to
  }

  async close(): Promise<void> {
    this.#modes.close()
    await this.db.close()
  }
}

/** Opens the index that is there; `undefined` where it does not belong to the log as it is. */
async function openFound(path: string, log: IndexedLog): Promise<(Coverage & { readonly db: Database }) | undefined> {
  let db: Database | undefined
  try {
    await createDirectory(path, readersOfLog(dirname(path)))
    await requireSafeToWrite(path, log.location)
    db = await openLevel(path)
    const coverage = (await hasRecoveredAll(path)) ? await coverageOf(db, log) : undefined
    if (coverage) return { db, ...coverage }
  } catch (error) {
    if (isLocked(error)) throw error
  }
  await db?.close()
  return undefined
}

async function openLevel(path: string): Promise<Database> {
  const db = newDatabase(path, { createIfMissing: true, ...TUNING })
  try {
    await db.open()
    return db
  } catch (error) {
    await db.close()
    throw error
  }
}

/** The entries that an index has taken in. */
interface Coverage {
  /** Number of entries, from the first one on. */
  readonly covered: number
  readonly stretches: Stretches
}

/** Returns the number of entries that an index covers; `undefined` where it does not belong to the log as it is. */
export async function coveredOf(db: Database, log: IndexedLog): Promise<number | undefined> {
  return (await coverageOf(db, log))?.covered
}

async function coverageOf(db: Database, log: IndexedLog): Promise<Coverage | undefined> {
  const { size, tiles } = log
  const [name, stated] = await getMany(db, [LOG_KEY, COVERED_KEY])
  if (!name || Buffer.from(name).toString('latin1') !== nameOf(log)) return undefined
  if (stated && stated.length !== SEQ_BYTES + HASH_BYTES) return undefined
  const covered = stated ? readSeq(stated, 0) : 0
  if (covered > size) return undefined
  const stretches = await Stretches.read(db, covered)
  if (!stretches) return undefined
  if (stated && !sameHash(await rootAt(covered, size, tiles), stated.subarray(SEQ_BYTES))) return undefined
  return { covered, stretches }
}

/** The value of {@link LOG_KEY}: what an index is made of and how. */
function nameOf({ id, removedEntries }: IndexedLog): string {
  return `${INDEX_SCHEMA} ${id} ${removedEntries}`
}

/** Path of the database in the directory of a log. */
export function indexPath(directory: string): string {
  return join(directory, 'index')
}
