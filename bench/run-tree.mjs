// What one long run takes to read as a tree: `run(id)` beside parsing the same bytes, and `spanledger show` as a user waits
// for it. The run lies in one stretch of the log, or among nine others.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { BASELINE_LABEL, baselineDist, hasBaseline } from './baseline.mjs'
import { inTurn, spread } from './measure.mjs'

const FULL = { events: 30_000, rounds: 15, commands: 5 }
const QUICK = { events: 500, rounds: 2, commands: 1 }
const LAYOUTS = { 'in one stretch': 1, 'among nine others': 10 }
const RUN = 'run-0'
const COMMITTED_AT_ONCE = 1024
const TEXT = 'the run asked for the order of the customer and got an answer within its limits; '.repeat(3)

/** The steps of a run, over and over between its start and its end. */
const STEPS = [
  (n) => ['tool_call_started', { callId: `call-${n >> 2}`, tool: { name: 'search' }, input: TEXT }],
  (n) => [
    'tool_call_completed',
    { callId: `call-${n >> 2}`, tool: { name: 'search' }, durationMs: n % 997, output: TEXT },
  ],
  (n) => [
    'token_usage_updated',
    { model: 'model-1', inputTokens: n % 4000, outputTokens: 17, totalTokens: 17 + (n % 4000) },
  ],
  (n) => ['custom', { name: 'step', note: TEXT, step: n % 31 }],
]

export const title = 'One long run as a tree'

export async function run({ quick, log: say }) {
  const { events, rounds, commands } = quick ? QUICK : FULL
  const versions = { Spanledger: join(import.meta.dirname, '../dist') }
  if (hasBaseline(say)) versions[BASELINE_LABEL] = baselineDist()
  const measured = []
  for (const [layout, runs] of Object.entries(LAYOUTS)) {
    const directory = mkdtempSync(join(tmpdir(), 'spanledger-bench-run-'))
    try {
      const sides = []
      for (const [label, dist] of Object.entries(versions)) {
        sides.push(await openSide({ label, dist, directory: join(directory, label), events, runs }))
      }
      for (let round = -2; round < rounds; round++) {
        for (const side of inTurn(sides, round)) await measure(side, events, round >= 0)
      }
      for (const side of sides) await side.log.close()
      for (let round = 0; round < commands; round++) {
        for (const side of inTurn(sides, round)) side.showMillis.push(timeOfShow(side))
      }
      for (const side of sides) measured.push(summarised(layout, side))
    } finally {
      rmSync(directory, { recursive: true, force: true })
    }
  }
  for (const { layout, side, runMillis, timesParsing, showMillis } of measured) {
    say(
      `${side}, ${layout}: run() ${runMillis.median.toFixed(0)} ms, ${timesParsing.median.toFixed(2)} × parsing; show ${showMillis.median.toFixed(0)} ms`,
    )
  }
  return { events, measured }
}

async function openSide({ label, dist, directory, events, runs }) {
  const { openAuditLog } = await import(pathToFileURL(join(dist, 'index.js')).href)
  const log = await openAuditLog(directory)
  for (let n = 0; n < events * runs; n++) {
    log.record(eventOf(`run-${n % runs}`, Math.floor(n / runs), events))
    if (n % COMMITTED_AT_ONCE === 0) await log.flush()
  }
  await log.flush()
  const stored = (await log.entries({ runId: RUN }).toArray()).map(({ bytes }) => Buffer.from(bytes))
  return { label, dist, directory, log, stored, runMillis: [], parseMillis: [], showMillis: [] }
}

function eventOf(runId, n, events) {
  const [type, data] = stepOf(n, events)
  return { type, tenantId: 't1', sessionId: 's1', runId, agent: { name: 'planner' }, data }
}

function stepOf(n, events) {
  if (n === 0) return ['run_started', { agent: { name: 'planner' }, model: 'model-1' }]
  if (n === events - 1) return ['run_completed', { durationMs: 60_013, finishReason: 'stop' }]
  return STEPS[(n - 1) % STEPS.length](n - 1)
}

async function measure({ log, stored, runMillis, parseMillis }, events, counts) {
  const began = performance.now()
  const tree = await log.run(RUN)
  const read = performance.now()
  let parsed = 0
  for (const bytes of stored) parsed += JSON.parse(bytes.toString()).v
  const ended = performance.now()
  if (tree?.eventCount !== events || parsed !== events) throw new Error(`the run has ${tree?.eventCount} events`)
  if (!counts) return
  runMillis.push(read - began)
  parseMillis.push(ended - read)
}

function timeOfShow({ dist, directory }) {
  const began = performance.now()
  const { status, stderr } = spawnSync(
    process.execPath,
    [join(dist, 'cli/index.js'), 'show', RUN, '--json', '--log', directory],
    { stdio: ['ignore', 'ignore', 'pipe'], encoding: 'utf8' },
  )
  if (status !== 0) throw new Error(`spanledger show failed: ${stderr}`)
  return performance.now() - began
}

function summarised(layout, { label, runMillis, parseMillis, showMillis }) {
  return {
    layout,
    side: label,
    runMillis: spread(runMillis),
    parseMillis: spread(parseMillis),
    timesParsing: spread(runMillis.map((value, at) => value / parseMillis[at])),
    showMillis: spread(showMillis),
  }
}

export function tables({ events, measured }) {
  return [
    {
      title: `A run of ${events.toLocaleString('en')} events`,
      columns: [
        '',
        'run() ms',
        'JSON.parse of its entries ms',
        'run() takes × as long',
        'middle half of the rounds',
        'spanledger show --json ms',
      ],
      rows: measured.map(({ layout, side, runMillis, parseMillis, timesParsing, showMillis }) => [
        `${side}, ${layout}`,
        runMillis.median.toFixed(0),
        parseMillis.median.toFixed(0),
        timesParsing.median.toFixed(2),
        `${timesParsing.low.toFixed(2)} to ${timesParsing.high.toFixed(2)}`,
        showMillis.median.toFixed(0),
      ]),
    },
  ]
}
