// How fast a log is verified, beside one thread that only hashes the same bytes: leaf hashes and root from entries that
// are in memory already.
//
//   node bench/verify.mjs [--size 500000] [--entry-bytes 500] [--rounds 5] [--json]
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { filedEvent as filedFields } from '../dist/store/filed-event.js'
import { hashLeaf, hashRange, writeLeafHash } from '../dist/tree/index.js'
import { BASELINE_KEYS, BASELINE_LABEL, baselineDist, hasBaseline } from './baseline.mjs'
import { inTurn, spread } from './measure.mjs'
import { isProgram } from './program.mjs'
import { markdown } from './report.mjs'

const FULL = { size: 500_000, entryBytes: 500, rounds: 5 }
const QUICK = { size: 5_000, entryBytes: 500, rounds: 1 }
const COMMITTED_AT_ONCE = 512
const ORIGIN = 'spanledger.example/bench'
const RUN_EVENTS = 50
/** The types of what happens in a run, each with the `data` that such an event has. */
const STEPS = {
  token_usage_updated: (n) => ({ inputTokens: n % 997, outputTokens: n % 89, totalTokens: (n % 997) + (n % 89) }),
  tool_call_started: (n) => ({ callId: `call-${n}`, tool: { name: `tool-${n % 5}`, type: 'function' } }),
  tool_call_completed: (n) => ({ callId: `call-${n - 1}`, tool: { name: `tool-${(n - 1) % 5}`, type: 'function' } }),
  custom: (n) => ({ name: 'step', step: n % 31 }),
}
const STEP_TYPES = Object.keys(STEPS)
/** Options of `verify`; a version that does not know one of them is measured without that way. */
const WAYS = {
  'one thread': { threads: 1 },
  'two threads': { threads: 2 },
  'entries only, one thread': { threads: 1, entriesOnly: true },
  'entries only, two threads': { threads: 2, entriesOnly: true },
}

export const title = 'Verify'
export const format = 2

export async function run({ quick, log, ...asked }) {
  const { size, entryBytes, rounds } = { ...(quick ? QUICK : FULL), ...asked }
  const directory = mkdtempSync(join(tmpdir(), 'spanledger-bench-verify-'))
  try {
    const versions = { Spanledger: join(import.meta.dirname, '../dist') }
    if (hasBaseline(log)) versions[BASELINE_LABEL] = baselineDist()
    const sides = []
    for (const [label, dist] of Object.entries(versions)) {
      const written = await writeLog({
        dist,
        keysOption: label === BASELINE_LABEL ? BASELINE_KEYS : 'logKeys',
        directory: join(directory, label),
        size,
        entryBytes,
      })
      for (const [way, options] of Object.entries(WAYS)) {
        const side = { ...written, label: `${label}, ${way}`, options, results: [] }
        if (await isKnown(side)) sides.push(side)
      }
    }
    const { bytes } = entry(1, paddingTo(entryBytes))
    const hashMillis = []
    for (let round = 0; round < rounds; round++) {
      hashMillis.push(hashAll(bytes, size))
      for (const side of inTurn(sides, round)) side.results.push(await verify(side))
    }
    const result = { size, entryBytes: bytes.length, hashMillis: spread(hashMillis), sides: [] }
    for (const { label, results } of sides) {
      const measured = summarised({ label, results, hashMillis, size })
      result.sides.push(measured)
      log(`${label}: ${measured.timesHashing.median.toFixed(2)} of the speed of hashing`)
    }
    return result
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

/** Writes a log of one version with the modules of that version. */
async function writeLog({ dist, keysOption, directory, size, entryBytes }) {
  const load = (path) => import(pathToFileURL(join(dist, path)).href)
  const { Ed25519Signer, formatCheckpoint, signNote } = await load('checkpoint/index.js')
  const { levelStore } = await load('store/leveldb/index.js')
  const { DirectorySource } = await load('inspection/directory-source.js')
  const { verifyLog } = await load('verify/verify-log.js')
  const store = levelStore(directory)
  await store.open()
  const signer = Ed25519Signer.generate(ORIGIN)
  const padding = paddingTo(entryBytes)
  for (let n = 0; n < size; n += COMMITTED_AT_ONCE) {
    const length = Math.min(COMMITTED_AT_ONCE, size - n)
    await store.commit(Array.from({ length }, (_, at) => entry(n + at, padding)))
  }
  const text = formatCheckpoint({ origin: ORIGIN, size: BigInt(size), root: store.root, extensions: [] })
  const checkpoint = await signNote(text, [signer])
  writeFileSync(join(directory, 'checkpoint'), checkpoint)
  await store.commit([], { checkpoint })
  await store.close()
  return {
    openSource: () => DirectorySource.open(directory),
    verifyLog: (source, options) => verifyLog(source, { [keysOption]: [signer.vkey], ...options }),
  }
}

/** An entry with its fields in the order in which a log seals them. */
function entry(n, padding) {
  const run = Math.floor(n / RUN_EVENTS)
  const type = typeOf(n % RUN_EVENTS)
  const time = `${new Date(Date.UTC(2026, 0, 1) + n).toISOString().slice(0, -1)}000000Z`
  const event = {
    v: 1,
    id: `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`,
    type,
    time,
    recordedAt: time,
    tenantId: `tenant-${run % 20}`,
    sessionId: `session-${Math.floor(run / 4)}`,
    runId: `run-${run}`,
    agent: { name: `agent-${run % 7}` },
    source: { convention: 'bench', scope: 'bench' },
    data: { ...STEPS[type]?.(n), note: padding },
  }
  const bytes = Buffer.from(JSON.stringify(event))
  const { toolName, run: told } = filedFields(event)
  const filed = { ...event, toolName, run: told }
  return { bytes, byteLength: bytes.length, leafHash: hashLeaf(bytes), event: filed, callerId: false }
}

/** A run begins, does things and ends. */
function typeOf(at) {
  if (at === 0) return 'run_started'
  return at === RUN_EVENTS - 1 ? 'run_completed' : STEP_TYPES[at % STEP_TYPES.length]
}

function paddingTo(entryBytes) {
  return 'x'.repeat(Math.max(0, entryBytes - entry(0, '').bytes.length))
}

/** @returns false where this version does not know one of the options: such a way is left out */
async function isKnown({ openSource, verifyLog, options }) {
  const source = await openSource()
  try {
    await verifyLog(source, options)
    return true
  } catch (problem) {
    if (problem instanceof TypeError && problem.message.includes('unknown')) return false
    throw problem
  } finally {
    await source.close()
  }
}

async function verify({ label, openSource, verifyLog, options }) {
  const source = await openSource()
  try {
    const cpu = process.cpuUsage()
    const began = performance.now()
    const report = await verifyLog(source, options)
    const millis = performance.now() - began
    const { user, system } = process.cpuUsage(cpu)
    if (report.status !== 'verified') throw new Error(`${label}: ${JSON.stringify(report, null, 2)}`)
    return { millis, cpuMicros: user + system }
  } finally {
    await source.close()
  }
}

/** Milliseconds for leaf hashes and root of as many entries. */
function hashAll(bytes, size) {
  const block = 65_536
  const roots = []
  const row = Buffer.alloc(block * 32)
  const began = performance.now()
  for (let n = 0; n < size; n += block) {
    const length = Math.min(block, size - n)
    for (let at = 0; at < length; at++) writeLeafHash(bytes, row, at * 32)
    roots.push(hashRange(row.subarray(0, length * 32)))
  }
  hashRange(Buffer.concat(roots))
  return performance.now() - began
}

function summarised({ label, results, hashMillis, size }) {
  return {
    side: label,
    millis: spread(results.map(({ millis }) => millis)),
    cpuMicrosPerEntry: spread(results.map(({ cpuMicros }) => cpuMicros / size)),
    timesHashing: spread(results.map(({ millis }, at) => hashMillis[at] / millis)),
  }
}

export function tables({ size, entryBytes, hashMillis, sides }) {
  const rates = (millis) => [
    Math.round((size / millis) * 1000).toLocaleString('en'),
    ((size * entryBytes) / millis / 1000).toFixed(0),
  ]
  return [
    {
      title: `${size.toLocaleString('en')} entries of ${entryBytes} B, beside one thread that only hashes the same bytes`,
      columns: ['', 'entries/s', 'MB/s', '× the speed of hashing', 'middle half of the rounds', 'CPU µs/entry'],
      rows: [
        ['hashing, one thread', ...rates(hashMillis.median), '', '', ''],
        ...sides.map(({ side, millis, cpuMicrosPerEntry, timesHashing }) => [
          side,
          ...rates(millis.median),
          timesHashing.median.toFixed(2),
          `${timesHashing.low.toFixed(2)} to ${timesHashing.high.toFixed(2)}`,
          cpuMicrosPerEntry.median.toFixed(1),
        ]),
      ],
    },
  ]
}

async function main() {
  const { values } = parseArgs({
    options: {
      size: { type: 'string', default: String(FULL.size) },
      'entry-bytes': { type: 'string', default: String(FULL.entryBytes) },
      rounds: { type: 'string', default: String(FULL.rounds) },
      json: { type: 'boolean', default: false },
    },
  })
  const result = await run({
    size: Number(values.size),
    entryBytes: Number(values['entry-bytes']),
    rounds: Number(values.rounds),
    log: (line) => console.error(line),
  })
  console.log(values.json ? JSON.stringify(result, null, 2) : tables(result).map(markdown).join('\n\n'))
}

if (isProgram(import.meta)) await main()
