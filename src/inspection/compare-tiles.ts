import type { Database } from '../store/leveldb/database.js'
import { tileKey } from '../store/leveldb/entries/keys.js'
import { readSeq } from '../store/seq-bytes.js'
import { HASH_BYTES, hashRange, nodesAt, TILE_WIDTH } from '../tree/index.js'
import type { Findings } from '../verify/findings.js'
import type { LeafBlock } from '../verify/leaf-block.js'
import { damageIn } from './damage.js'
import { walkRange } from './walk-range.js'

const TILE_KEY_BYTES = 11

/**
 * Compares the tiles of level 0 and 1 that the leaves of a block fill with what is stored. The leaf hashes of entries that were
 * removed are taken from there.
 */
export async function compareBlockTiles(
  db: Database,
  block: LeafBlock,
  size: number,
  findings: Findings,
  location: string,
): Promise<void> {
  const { hashes, from } = block
  const wrongLeaves = await compareRow(db, { level: 0, from, hashes, block }, size, findings, location)
  for (const { at, problem } of wrongLeaves) {
    const seq = from + at
    if (block.isMissing(seq) && !block.removed.has(seq)) continue
    if (problem === 'differs') {
      findings.add('leaf_mismatch', `entry ${seq} and its leaf hash differ`, { from: seq, to: seq + 1 })
    } else {
      findings.add('tile_altered', `the leaf hash of entry ${seq} is ${problem}`, { from: seq, to: seq + 1 })
    }
  }
  const row = { level: 1, from: from / TILE_WIDTH, hashes: block.tileRoots }
  const wrong = await compareRow(db, row, size, findings, location)
  // Where a leaf is another, what is hashed from it is too.
  const explained = new Set(wrongLeaves.map(({ at }) => Math.floor(at / TILE_WIDTH)))
  addWrongNodes(
    findings,
    1,
    from / TILE_WIDTH,
    wrong.filter(({ at }) => !explained.has(at)),
  )
}

/** Compares the tiles of the levels above, of which the lowest consists of these hashes: the roots of full blocks. */
export async function compareUpperTiles(
  db: Database,
  blockRoots: Uint8Array,
  size: number,
  findings: Findings,
  location: string,
): Promise<void> {
  let row = blockRoots
  for (let level = 2; nodesAt(level, size) > 0; level++) {
    const wrong = await compareRow(db, { level, from: 0, hashes: row }, size, findings, location)
    addWrongNodes(findings, level, 0, wrong)
    const parents = Array.from({ length: nodesAt(level + 1, size) }, (_, at) =>
      hashRange(row.subarray(at * TILE_WIDTH * HASH_BYTES, (at + 1) * TILE_WIDTH * HASH_BYTES)),
    )
    row = Buffer.concat(parents)
  }
}

function addWrongNodes(findings: Findings, level: number, from: number, wrong: readonly WrongNode[]): void {
  const leaves = TILE_WIDTH ** level
  for (const { at, problem } of wrong) {
    const node = from + at
    const span = { from: node * leaves, to: (node + 1) * leaves }
    findings.add(
      'tile_altered',
      `hash ${node} of level ${level} ${problem === 'differs' ? problem : `is ${problem}`}`,
      span,
    )
  }
}

/** Hashes of a level that follow each other, as the entries have them; the first begins a tile. */
interface TileRow {
  readonly level: number
  readonly from: number
  readonly hashes: Uint8Array
  /** Takes the hashes of its removed entries. */
  readonly block?: LeafBlock
}

interface WrongNode {
  /** Counted from the beginning of the row. */
  readonly at: number
  readonly problem: 'differs' | 'missing' | 'there twice'
}

async function compareRow(
  db: Database,
  { level, from, hashes, block }: TileRow,
  size: number,
  findings: Findings,
  location: string,
): Promise<WrongNode[]> {
  const nodes = hashes.length / HASH_BYTES
  const firstTile = from / TILE_WIDTH
  const tiles = Math.ceil(Math.min(nodes, nodesAt(level, size) - from) / TILE_WIDTH)
  /** 0: missing; else what was found. */
  const found = new Uint8Array(nodes)
  const range = { gte: tileKey(level, firstTile, 0), lt: tileKey(level, firstTile + tiles, 0) }
  try {
    for await (const items of walkRange(db, range, location)) {
      for (const [key, value] of items) {
        if (key.length !== TILE_KEY_BYTES) {
          findings.add('record_unknown', `the key ${key.toString('hex')} between tiles is none of theirs`)
          continue
        }
        const slot = (readSeq(key, 2) - firstTile) * TILE_WIDTH + (key[TILE_KEY_BYTES - 1] as number)
        if (isSameStretch(hashes, found, slot, value)) {
          found.fill(SAME, slot, slot + value.length / HASH_BYTES)
          continue
        }
        for (let n = 0; n < value.length / HASH_BYTES; n++) {
          const at = slot + n
          // Past the end: told with the other records that should not be there.
          if (at >= nodes) continue
          if (found[at] === 0 && block?.removed.has(from + at)) {
            block.keepHash(from + at, value.subarray(n * HASH_BYTES, (n + 1) * HASH_BYTES))
          }
          const isSame = isSameHash(hashes, at * HASH_BYTES, value, n * HASH_BYTES)
          found[at] = found[at] === DIFFERS || !isSame ? DIFFERS : found[at] === 0 ? SAME : TWICE
        }
      }
    }
  } catch (error) {
    // A damaged tile counts as missing besides.
    findings.add('database_unreadable', damageIn(error, location).message)
  }
  const wrong: WrongNode[] = []
  for (let at = 0; at < nodes; at++) {
    const problem = PROBLEMS[found[at] as number]
    if (problem !== undefined) wrong.push({ at, problem })
  }
  return wrong
}

const SAME = 1
const DIFFERS = 2
const TWICE = 3
const PROBLEMS: readonly (WrongNode['problem'] | undefined)[] = ['missing', undefined, 'differs', 'there twice']

/** Returns whether hashes of a row, none of which was found before, are those of a stored value, with one comparison. */
function isSameStretch(hashes: Uint8Array, found: Uint8Array, slot: number, value: Uint8Array): boolean {
  const count = value.length / HASH_BYTES
  if (!Number.isInteger(count) || slot + count > found.length) return false
  for (let at = slot; at < slot + count; at++) if (found[at] !== 0) return false
  return Buffer.compare(hashes.subarray(slot * HASH_BYTES, (slot + count) * HASH_BYTES), value) === 0
}

/** Compares where they are. */
function isSameHash(one: Uint8Array, at: number, other: Uint8Array, otherAt: number): boolean {
  return Buffer.compare(one.subarray(at, at + HASH_BYTES), other.subarray(otherAt, otherAt + HASH_BYTES)) === 0
}
