// How fast a log is verified, next to how fast the same bytes are hashed: leaf hashes and root from entries that are in
// memory already, by one thread.
//
//   node bench/verify.mjs [--size 500000] [--entry-bytes 500] [--group 512] [--rounds 3] [--threads N]
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { Ed25519Signer, formatCheckpoint, signNote } from '../dist/checkpoint/index.js'
import { DirectorySource } from '../dist/inspection/directory-source.js'
import { levelStore } from '../dist/store/leveldb/index.js'
import { hashLeaf, hashRange, writeLeafHash } from '../dist/tree/index.js'
import { verifyLog } from '../dist/verify/verify-log.js'
import { quantile } from './measure.mjs'

const { values: options } = parseArgs({
  options: {
    size: { type: 'string', default: '500000' },
    'entry-bytes': { type: 'string', default: '500' },
    group: { type: 'string', default: '512' },
    rounds: { type: 'string', default: '3' },
    threads: { type: 'string' },
  },
})
const SIZE = Number(options.size)
const GROUP = Number(options.group)
const ORIGIN = 'spanledger.example/bench'
const TYPES = ['run_started', 'token_usage_updated', 'tool_call_started', 'tool_call_completed', 'run_completed']

/** With its fields in the order in which a log seals them. */
function entry(n, padding) {
  const run = Math.floor(n / 50)
  const time = `${new Date(Date.UTC(2026, 0, 1) + n).toISOString().slice(0, -1)}000000Z`
  const event = {
    v: 1,
    id: `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`,
    type: TYPES[n % TYPES.length],
    time,
    recordedAt: time,
    tenantId: `tenant-${run % 20}`,
    sessionId: `session-${Math.floor(run / 4)}`,
    runId: `run-${run}`,
    agent: { name: `agent-${run % 7}` },
    source: { convention: 'bench', scope: 'bench' },
    data: { name: padding },
  }
  const bytes = Buffer.from(JSON.stringify(event))
  return { bytes, leafHash: hashLeaf(bytes), event, callerId: false }
}

const bare = entry(0, '').bytes.length
const padding = 'x'.repeat(Math.max(0, Number(options['entry-bytes']) - bare))
const directory = await mkdtemp(join(tmpdir(), 'spanledger-bench-'))
try {
  const store = levelStore(directory)
  await store.open()
  const signer = Ed25519Signer.generate(ORIGIN)
  for (let n = 0; n < SIZE; n += GROUP) {
    const length = Math.min(GROUP, SIZE - n)
    await store.commit(Array.from({ length }, (_, at) => entry(n + at, padding)))
  }
  const text = formatCheckpoint({ origin: ORIGIN, size: BigInt(SIZE), root: store.root, extensions: [] })
  const checkpoint = await signNote(text, [signer])
  await writeFile(join(directory, 'checkpoint'), checkpoint)
  await store.commit([], { checkpoint })
  await store.close()

  const bytes = entry(1, padding).bytes
  console.log(`${SIZE} entries of ${bytes.length} bytes`)
  const ratios = []
  for (let round = 0; round < Number(options.rounds); round++) {
    const hashed = hashAll(bytes)
    const source = await DirectorySource.open(directory)
    const from = performance.now()
    const before = process.cpuUsage()
    const threads = options.threads === undefined ? {} : { threads: Number(options.threads) }
    const report = await verifyLog(source, { vkeys: [signer.vkey], ...threads })
    const verified = performance.now() - from
    const { user, system } = process.cpuUsage(before)
    await source.close()
    if (report.status !== 'verified') throw new Error(JSON.stringify(report, null, 2))
    ratios.push(hashed / verified)
    const rss = Math.round(process.memoryUsage.rss() / 2 ** 20)
    console.log(
      `hashing ${rate(hashed)}, verifying ${rate(verified)}: ${(hashed / verified).toFixed(2)} of the speed, ${((user + system) / SIZE).toFixed(2)} µs of CPU an entry, RSS ${rss} MiB`,
    )
  }
  console.log(`median of ${ratios.length}: ${quantile(ratios, 0.5).toFixed(2)}`)
} finally {
  await rm(directory, { recursive: true, force: true })
}

/** Milliseconds for leaf hashes and root of as many entries. */
function hashAll(bytes) {
  const block = 65_536
  const roots = []
  const row = Buffer.alloc(block * 32)
  const from = performance.now()
  for (let n = 0; n < SIZE; n += block) {
    const length = Math.min(block, SIZE - n)
    for (let at = 0; at < length; at++) writeLeafHash(bytes, row, at * 32)
    roots.push(hashRange(row.subarray(0, length * 32)))
  }
  hashRange(Buffer.concat(roots))
  return performance.now() - from
}

function rate(millis) {
  return `${Math.round(SIZE / millis)} k entries/s (${((SIZE * Number(options['entry-bytes'])) / millis / 1000).toFixed(0)} MB/s)`
}
