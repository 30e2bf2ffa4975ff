// What a query takes, on a log of realistic, skewed events: Zipf-distributed tenants, agents and models, runs that
// interleave, sessions of very different length, groups of 1 to 1,024, some events that come late.
//
//   node bench/queries.mjs [--size 100000] [--directory DIR] [--rounds 30] [--load] [--json]
//
// --directory keeps the log, and finds it again; --load commits to it meanwhile, 256 events at a time, without a pause.
// Figures are warm: a query is asked until the first rounds are over, then the median of its times is told, and the CPU
// time of all threads for each asking (with --load that of the load is in it). A busy machine stretches the times only.
import { createHash } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { createReader, openAuditLogReader } from '../dist/reader/index.js'
import { levelStore } from '../dist/store/leveldb/index.js'

const { values: options } = parseArgs({
  options: {
    size: { type: 'string', default: '100000' },
    directory: { type: 'string' },
    rounds: { type: 'string', default: '30' },
    load: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
})
const SIZE = Number(options.size)
const ROUNDS = Number(options.rounds)
const WARM_UP_ROUNDS = 5
const FIRST_MILLIS = Date.UTC(2026, 0, 1)
const MILLIS_AN_EVENT = 20
const RUNS_AT_A_TIME = 48
/** Events of the session and of the type that are spread over the whole log. */
const SPREAD_EVENTS = 400

/** Mulberry32: the same log every time. */
function generator(seed) {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

/** Draws from `count` values, the n-th as often as 1/n. */
function zipf(random, count) {
  const shares = Array.from({ length: count }, (_, n) => 1 / (n + 1))
  const sums = shares.map((_, n) => shares.slice(0, n + 1).reduce((sum, share) => sum + share, 0))
  const total = sums[count - 1]
  return () => {
    const drawn = random() * total
    return sums.findIndex((sum) => sum >= drawn)
  }
}

/** Endless events of agents at work. */
function* events(random) {
  const tenant = zipf(random, 40)
  const agent = zipf(random, 15)
  const model = zipf(random, 6)
  const tool = zipf(random, 30)
  let sessions = 0
  let runs = 0
  let calls = 0
  const open = []
  const recentSessions = []
  const begin = () => {
    // Most sessions are short; some go on for hundreds of runs.
    const goesOn = recentSessions.length > 0 && random() < 0.7
    const session = goesOn
      ? recentSessions[Math.floor(random() ** 3 * recentSessions.length)]
      : { tenantId: `tenant-${tenant()}`, sessionId: `session-${sessions++}` }
    if (!goesOn) recentSessions.unshift(session)
    if (recentSessions.length > 500) recentSessions.pop()
    const name = `agent-${agent()}`
    const scope = { ...session, runId: `run-${runs++}`, agent: { id: `id-of-${name}`, name } }
    return {
      scope,
      model: `model-${model()}`,
      stepsLeft: 1 + Math.floor(-6 * Math.log(1 - random())),
      tokens: 0,
      queue: [],
    }
  }
  while (true) {
    while (open.length < RUNS_AT_A_TIME) {
      const run = begin()
      run.queue.push(['run_started', { agent: run.scope.agent, model: run.model }])
      open.push(run)
    }
    const at = Math.floor(random() * open.length)
    const run = open[at]
    if (run.queue.length === 0 && run.stepsLeft-- > 0) {
      const tokens = Math.floor(50 + 4000 * random() ** 3)
      run.tokens += tokens
      const usage = {
        inputTokens: tokens,
        outputTokens: tokens >> 3,
        totalTokens: tokens + (tokens >> 3),
        costUsd: tokens / 1e6,
      }
      run.queue.push(['token_usage_updated', { ...usage, model: run.model, provider: 'p' }])
      if (random() < 0.6) {
        const call = { callId: `call-${calls++}`, tool: { name: `tool-${tool()}` } }
        run.queue.push(['tool_call_started', call])
        const failed = random() < 0.03
        run.queue.push([
          failed ? 'tool_call_failed' : 'tool_call_completed',
          { ...call, durationMs: 1 + 900 * random() ** 4 },
        ])
      }
    }
    const [type, data] = run.queue.shift() ?? ending(run, random)
    if (/^run_(?!started)/.test(type)) open.splice(at, 1)
    yield { type, data, scope: run.scope }
  }
}

function ending(run, random) {
  const usage = { inputTokens: run.tokens, outputTokens: run.tokens >> 3, totalTokens: run.tokens + (run.tokens >> 3) }
  const durationMs = 100 + 60_000 * random() ** 3
  if (random() < 0.04) return ['run_failed', { durationMs, error: { code: 'RateLimit', message: 'too many requests' } }]
  return ['run_completed', { durationMs, usage, finishReason: 'stop' }]
}

/** A log of `size` events, with a session and a type that are spread over all of it, and a session of one stretch. */
function* entries(size, from = 0) {
  const random = generator(7 + from)
  const source = events(random)
  const every = Math.floor(size / SPREAD_EVENTS)
  const stretch = Math.floor(size * 0.6)
  for (let n = from; n < size; n++) {
    const late = random() < 0.01 ? 30_000 * random() : 0
    const time = `${new Date(FIRST_MILLIS + n * MILLIS_AN_EVENT - late).toISOString().slice(0, -1)}000000Z`
    const next = source.next().value
    let { type, data, scope } = next
    if (n % every === 1) scope = { ...scope, tenantId: 'tenant-0', sessionId: 'spread' }
    if (n > stretch && n < stretch + 4 * SPREAD_EVENTS && n % 4 === 0) {
      scope = { ...scope, tenantId: 'tenant-0', sessionId: 'stretch', runId: 'run-of-stretch' }
    }
    if (n % every === 2) [type, data] = ['policy_violation', { rule: 'no-secrets', action: 'blocked' }]
    yield sealed({ v: 1, id: `e-${n}`, type, time, recordedAt: time, ...scope, trace: trace(n), source: SOURCE, data })
  }
}

const SOURCE = { convention: 'gen_ai', scope: '@acme/agents', scopeVersion: '2.1.0', service: 'support' }

function trace(n) {
  return { traceId: n.toString(16).padStart(32, '7'), spanId: n.toString(16).padStart(16, '9') }
}

function sealed(event) {
  const bytes = Buffer.from(JSON.stringify(event))
  const leafHash = createHash('sha256').update(Buffer.of(0)).update(bytes).digest()
  return { bytes, byteLength: bytes.length, leafHash, event, callerId: false }
}

async function fill(store, size) {
  const random = generator(3)
  let group = []
  let length = 1
  for (const entry of entries(size)) {
    group.push(entry)
    if (group.length < length) continue
    await store.commit(group)
    group = []
    length = Math.floor(2 ** (10 * random()))
  }
  if (group.length > 0) await store.commit(group)
}

/** Counts the entries that are read, and the positions that indexes give. */
function counted(store, counts) {
  return new Proxy(store, {
    get(target, name) {
      if (name === 'read') {
        return (seqs) => {
          counts.entries += seqs.length
          return target.read(seqs)
        }
      }
      if (name === 'entries') {
        return async function* (walk) {
          for await (const chunk of target.entries(walk)) {
            counts.entries += chunk.length
            yield chunk
          }
        }
      }
      if (name === 'postings') {
        return (...asked) => {
          const cursor = target.postings(...asked)
          const next = async (position) => {
            const chunk = await cursor.next(position)
            counts.positions += chunk?.length ?? 0
            return chunk
          }
          return { next, close: () => cursor.close() }
        }
      }
      const value = Reflect.get(target, name, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}

// Five minutes, and what is dated so though it came up to half a minute later.
const windowStart = FIRST_MILLIS + Math.floor(SIZE * 0.4) * MILLIS_AN_EVENT
const inWindow = { since: windowStart, until: windowStart + 300_000 }
const first = (query) => (log) => log.events({ ...query, limit: 100 }).toArray()
const last = (query) => first({ ...query, order: 'desc' })
const questions = {
  'first 100': first({}),
  'last 100': last({}),
  'session, spread: first 100': first({ sessionId: 'spread' }),
  'session, spread: last 100': last({ sessionId: 'spread' }),
  'session, with tenant: first 100': first({ sessionId: 'spread', tenantId: 'tenant-0' }),
  'session, one stretch: first 100': first({ sessionId: 'stretch' }),
  'run: first 100': first({ runId: 'run-of-stretch' }),
  'type, rare: first 100': first({ type: 'policy_violation' }),
  'type, rare: last 100': last({ type: 'policy_violation' }),
  'type, frequent: last 100': last({ type: 'token_usage_updated' }),
  'window: first 100': first(inWindow),
  'window: last 100': last(inWindow),
  'window, type: first 100': first({ ...inWindow, type: 'run_failed' }),
  'tenant, type: first 100': first({ tenantId: 'tenant-0', type: 'run_failed' }),
  'tenant, agent, type: first 100': first({ tenantId: 'tenant-3', agent: 'agent-7', type: 'run_failed' }),
  'frequent tenant, rare type: last 100': last({ tenantId: 'tenant-0', type: 'policy_violation' }),
  'session: count': (log) => log.events({ sessionId: 'spread' }).count(),
  'sessions: last 20': (log) => log.sessions({ order: 'desc', limit: 20 }).toArray(),
  'runs, failed: last 20': (log) => log.runs({ status: 'failed', order: 'desc', limit: 20 }).toArray(),
}

async function measure(ask, log) {
  const millis = []
  let answer
  let before
  for (let round = -WARM_UP_ROUNDS; round < ROUNDS; round++) {
    if (round === 0) before = process.cpuUsage()
    const start = performance.now()
    answer = await ask(log)
    if (round >= 0) millis.push(performance.now() - start)
  }
  const { user, system } = process.cpuUsage(before)
  millis.sort((a, b) => a - b)
  const found = Array.isArray(answer) ? answer.length : answer
  return { found, median: millis[ROUNDS >> 1], cpu: (user + system) / 1000 / ROUNDS }
}

async function load(store, stop) {
  const source = entries(Number.MAX_SAFE_INTEGER, store.size)
  while (!stop.aborted) await store.commit(Array.from({ length: 256 }, () => source.next().value))
}

const directory = options.directory ?? (await mkdtemp(join(tmpdir(), 'spanledger-bench-')))
const store = levelStore(directory)
await store.open()
try {
  const started = performance.now()
  if (store.size === 0) await fill(store, SIZE)
  if (!options.json) console.log(`${store.size} events, after ${Math.round(performance.now() - started)} ms`)
  const counts = { entries: 0, positions: 0 }
  const barrier = async () => {}
  const inside = createReader(store, { barrier, eventTypes: [] })
  const counting = createReader(counted(store, counts), { barrier, eventTypes: [] })
  const outside = await openAuditLogReader(directory, { refreshMillis: 3_600_000 })
  const loading = new AbortController()
  const loaded = options.load ? load(store, loading.signal) : undefined
  const rows = {}
  for (const [question, ask] of Object.entries(questions)) {
    Object.assign(counts, { entries: 0, positions: 0 })
    await ask(counting)
    const { found, median, cpu } = await measure(ask, inside)
    const other = await measure(ask, outside)
    const rounded = (value) => Number(value.toFixed(2))
    rows[question] = {
      found,
      'entries read': counts.entries,
      positions: counts.positions,
      'ms here': rounded(median),
      'CPU ms here': rounded(cpu),
      'ms outside': rounded(other.median),
      'CPU ms outside': rounded(other.cpu),
    }
  }
  loading.abort()
  await loaded
  await outside.close()
  if (options.json) console.log(JSON.stringify({ size: SIZE, rows }))
  else console.table(rows)
} finally {
  await store.close()
  if (options.directory === undefined) await rm(directory, { recursive: true })
}
