import { tileKey } from '../store/leveldb/entries/keys.js'
import { getMany } from '../store/leveldb/get-many.js'
import { HASH_BYTES, hashRange, nodesAt, TILE_WIDTH } from '../tree/index.js'
import type { Findings } from '../verify/findings.js'
import type { LeafBlock } from '../verify/leaf-block.js'
import { damageIn } from './damage.js'
import type { InspectedDatabase } from './inspected-database.js'

/** Hashes that one commit added to a tile. */
export interface TilePart {
  /** Number of the first of them in its level. */
  readonly node: number
  readonly hashes: Uint8Array
}

/**
 * Compares the tiles of level 0 and 1 that the leaves of a block fill with what is stored. The leaf hashes of entries that were
 * removed are taken from there.
 *
 * @param parts - of both levels
 */
export function compareBlockTiles(
  [leafParts, parentParts]: readonly [readonly TilePart[], readonly TilePart[]],
  block: LeafBlock,
  findings: Findings,
): void {
  const { hashes, from } = block
  const wrongLeaves = compareRow(leafParts, { from, hashes, block })
  for (const { at, problem } of wrongLeaves) {
    const seq = from + at
    if (block.isMissing(seq) && !block.removed.has(seq)) continue
    if (problem === 'differs') {
      findings.add('leaf_mismatch', `entry ${seq} and its leaf hash differ`, { from: seq, to: seq + 1 })
    } else {
      findings.add('tile_altered', `the leaf hash of entry ${seq} is ${problem}`, { from: seq, to: seq + 1 })
    }
  }
  const wrong = compareRow(parentParts, { from: from / TILE_WIDTH, hashes: block.tileRoots })
  // Where a leaf is another, what is hashed from it is too.
  const explained = new Set(wrongLeaves.map(({ at }) => Math.floor(at / TILE_WIDTH)))
  const unexplained = wrong.filter(({ at }) => !explained.has(at))
  addWrongNodes(findings, { level: 1, from: from / TILE_WIDTH }, unexplained)
}

/** Compares the tiles of the levels above, of which the lowest consists of these hashes: the roots of full blocks. */
export async function compareUpperTiles(
  entries: InspectedDatabase,
  blockRoots: Uint8Array,
  size: number,
): Promise<void> {
  let row = blockRoots
  for (let level = 2; nodesAt(level, size) > 0; level++) {
    const parts = await readParts(entries, level, nodesAt(level, size))
    addWrongNodes(entries.findings, { level, from: 0 }, compareRow(parts, { from: 0, hashes: row }))
    const parents = Array.from({ length: nodesAt(level + 1, size) }, (_, at) =>
      hashRange(row.subarray(at * TILE_WIDTH * HASH_BYTES, (at + 1) * TILE_WIDTH * HASH_BYTES)),
    )
    row = Buffer.concat(parents)
  }
}

/** Adds what is wrong with nodes of a level, of which the row begins at a node. */
function addWrongNodes(
  findings: Findings,
  { level, from }: { readonly level: number; readonly from: number },
  wrong: readonly WrongNode[],
): void {
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

function compareRow(parts: readonly TilePart[], { from, hashes, block }: TileRow): WrongNode[] {
  const nodes = hashes.length / HASH_BYTES
  /** 0: missing; else what was found. */
  const found = new Uint8Array(nodes)
  for (const { node, hashes: value } of parts) {
    const slot = node - from
    if (isSameStretch(hashes, found, slot, value)) {
      found.fill(SAME, slot, slot + value.length / HASH_BYTES)
      continue
    }
    for (let n = 0; n < value.length / HASH_BYTES; n++) {
      const at = slot + n
      // Past the end: a finding with the other records that should not be there.
      if (at >= nodes) continue
      if (found[at] === 0 && block?.removed.has(from + at)) {
        block.keepHash(from + at, value.subarray(n * HASH_BYTES, (n + 1) * HASH_BYTES))
      }
      const isSame = isSameHash(hashes, at * HASH_BYTES, value, n * HASH_BYTES)
      found[at] = found[at] === DIFFERS || !isSame ? DIFFERS : found[at] === 0 ? SAME : TWICE
    }
  }
  const wrong: WrongNode[] = []
  for (let at = 0; at < nodes; at++) {
    const problem = PROBLEMS[found[at] as number]
    if (problem !== undefined) wrong.push({ at, problem })
  }
  return wrong
}

/** Reads what is stored of a level of so many hashes, by the keys that it may have. */
async function readParts(
  { db, findings, location }: InspectedDatabase,
  level: number,
  nodes: number,
): Promise<TilePart[]> {
  const parts: TilePart[] = []
  try {
    for (let from = 0; from < nodes; from += TILE_WIDTH) {
      const slots = Array.from({ length: Math.min(TILE_WIDTH, nodes - from) }, (_, slot) => slot)
      const read = await getMany(
        db,
        slots.map((slot) => tileKey(level, from / TILE_WIDTH, slot)),
      )
      for (const [slot, hashes] of read.entries()) if (hashes) parts.push({ node: from + slot, hashes })
    }
  } catch (error) {
    // What could not be read counts as missing besides.
    findings.add('database_unreadable', damageIn(error, location).message)
  }
  return parts
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
