// What the Merkle tree and signed checkpoints add to storing entries. There is no log without a tree to compare with, so
// its parts are measured by themselves: batches of blocks of entries, with and without leaf hashes, tree and tiles.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Level } from 'level'
import { Ed25519Signer, formatCheckpoint, signNote } from '../dist/checkpoint/index.js'
import { encodeBlock, entrySlot } from '../dist/store/leveldb/entries/block.js'
import { blockKey, tileKey } from '../dist/store/leveldb/entries/keys.js'
import { OpenBlocks } from '../dist/store/leveldb/entries/open-blocks.js'
import { HASH_BYTES, hashLeaf, TreeFrontier } from '../dist/tree/index.js'
import { Events } from './events.mjs'
import { openSides, spread } from './measure.mjs'
import { rowOf } from './sides/sql.mjs'

const ENTRY_BYTES = 500
const GROUP = 1024
const FULL = { rounds: 15, groups: 40 }
const QUICK = { rounds: 2, groups: 4 }

export const title = 'The cost of tree and checkpoints'

export async function run({ quick, log }) {
  const { rounds, groups } = quick ? QUICK : FULL
  const directory = mkdtempSync(join(tmpdir(), 'spanledger-bench-tree-'))
  const open = async (name) => {
    const db = new Level(join(directory, name), {
      keyEncoding: 'buffer',
      valueEncoding: 'view',
      writeBufferSize: 2 ** 23,
    })
    await db.open()
    return { db, seq: 0, blocks: OpenBlocks.startingAt(0), tree: TreeFrontier.empty }
  }
  const events = new Events(ENTRY_BYTES)
  const entries = events.take(GROUP * 8).map((event) => rowOf(event)[6])
  const [bare, treed] = [await open('entries'), await open('entries-and-tree')]
  const [ours] = await openSides(['spanledger'], ENTRY_BYTES)
  const treeMicros = []
  const ingestMicros = []
  try {
    for (let round = -2; round < rounds; round++) {
      const alone = await write(bare, entries, groups, false)
      const withTree = await write(treed, entries, groups, true)
      const { cpuMicros, count } = await ours.ask({ cpuMillis: quick ? 100 : 500, eventsPerTick: 256 })
      if (round < 0) continue
      treeMicros.push((withTree - alone) / (groups * GROUP))
      ingestMicros.push(cpuMicros / count)
    }
    const result = {
      treeMicrosPerEvent: spread(treeMicros),
      ingestMicrosPerEvent: spread(ingestMicros),
      signMicros: await signMicros(treed.tree),
    }
    const { median: tree } = result.treeMicrosPerEvent
    const share = tree / (result.ingestMicrosPerEvent.median - tree)
    log(
      `tree ${tree.toFixed(2)} of ${result.ingestMicrosPerEvent.median.toFixed(1)} CPU µs an event: adds ${(share * 100).toFixed(0)} %`,
    )
    return { ...result, share }
  } finally {
    await Promise.all([bare.db.close(), treed.db.close(), ours.close()])
    rmSync(directory, { recursive: true, force: true })
  }
}

/** @returns CPU microseconds of all threads */
async function write(log, entries, groups, withTree) {
  const cpu = process.cpuUsage()
  for (let group = 0; group < groups; group++) {
    const from = log.seq % entries.length
    const taken = entries.slice(from, from + GROUP)
    const batch = log.db.batch()
    const slots = taken.map((bytes) => entrySlot(bytes, false))
    const { added, removed, open } = log.blocks.add(slots, log.seq)
    for (const block of added) batch.put(blockKey(block.firstSeq), encodeBlock(block.slots))
    for (const firstSeq of removed) batch.del(blockKey(firstSeq))
    log.blocks = open
    log.seq += taken.length
    if (withTree) {
      const { frontier, tiles } = log.tree.append(taken.map(hashLeaf))
      log.tree = frontier
      for (const { level, index, hashes, previousWidth } of tiles) {
        batch.put(tileKey(level, index, previousWidth), hashes.subarray(previousWidth * HASH_BYTES))
      }
    }
    await batch.write({ sync: true })
  }
  const { user, system } = process.cpuUsage(cpu)
  return user + system
}

async function signMicros(tree) {
  const origin = 'spanledger.example/bench'
  const signer = Ed25519Signer.generate(origin)
  const began = performance.now()
  for (let n = 0; n < 100; n++) {
    const text = formatCheckpoint({ origin, size: BigInt(tree.size), root: tree.root, extensions: [] })
    await signNote(text, [signer])
  }
  return (performance.now() - began) * 10
}

export function tables({ treeMicrosPerEvent, ingestMicrosPerEvent, signMicros: sign, share }) {
  return [
    {
      title: 'Entries of 500 B, groups of 1,024; CPU time of all threads',
      columns: ['', 'median', 'middle half of the rounds'],
      rows: [
        ['leaf hash, tree and tiles, µs/event', ...cells(treeMicrosPerEvent)],
        ['the whole of it, µs/event', ...cells(ingestMicrosPerEvent)],
        ['tree to everything else', `${(share * 100).toFixed(0)} %`, ''],
        ['a signature, at most one a second, µs', sign.toFixed(0), ''],
      ],
    },
  ]
}

function cells({ median, low, high }) {
  return [median.toFixed(2), `${low.toFixed(2)} to ${high.toFixed(2)}`]
}
