// What queries take beside better-sqlite3 and LMDB with the same indexes and the same events, and beside the former
// version. All answer with parsed events.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openAuditLog } from '../dist/index.js'
import { BASELINE, BASELINE_LABEL, hasBaseline, openBaselineLog } from './baseline.mjs'
import { Events } from './events.mjs'
import { inTurn, spread } from './measure.mjs'
import { openSqlite } from './sides/better-sqlite3.mjs'
import { openLmdb } from './sides/lmdb.mjs'

const ENTRY_BYTES = 500
const FULL = { sizes: [100_000, 1_000_000], rounds: 40 }
const QUICK = { sizes: [2_000], rounds: 3 }
const WARM_UP_ROUNDS = 5
const FILLED_AT_ONCE = 1024
const FIRST_MILLIS = Date.UTC(2026, 0, 1)

/** A session of so many events that lie evenly over the whole log. */
const SCATTERED = { tenantId: 'scattered', sessionId: 'scattered' }
const SCATTERED_EVENTS = 100

/** Each by its filter, and as it is said in SQL. `middle` is an event from the middle of the log. */
const QUESTIONS = [
  {
    label: 'a position: the 100 after it',
    filter: ({ seq }) => ({ afterSeq: seq }),
    // SQLite numbers rows from 1.
    sql: 'seq > :afterSeq + 1',
  },
  {
    label: `session: ${SCATTERED_EVENTS} scattered over the log`,
    filter: () => SCATTERED,
    sql: 'tenant = :tenantId AND session = :sessionId',
  },
  {
    label: 'session: first 100',
    filter: ({ tenantId, sessionId }) => ({ tenantId, sessionId }),
    sql: 'tenant = :tenantId AND session = :sessionId',
  },
  { label: 'run: all', filter: ({ runId }) => ({ runId }), sql: 'run = :runId' },
  { label: 'type: last 100', filter: ({ type }) => ({ type }), sql: 'type = :type', order: 'desc' },
  {
    label: 'tenant and agent: first 100',
    filter: ({ tenantId, agent }) => ({ tenantId, agent: agent.name }),
    sql: 'tenant = :tenantId AND agent = :agent',
  },
  {
    label: 'agent and type: last 100',
    filter: ({ agent, type }) => ({ agent: agent.name, type }),
    sql: 'agent = :agent AND type = :type',
    order: 'desc',
  },
  {
    label: 'a second of time: first 100',
    filter: ({ time }) => ({ since: time, until: timeAfter(time, 1000) }),
    sql: 'time >= :since AND time < :until',
  },
  { label: 'run: count', filter: ({ runId }) => ({ runId }), sql: 'run = :runId', count: true },
  { label: 'type: count', filter: ({ type }) => ({ type }), sql: 'type = :type', count: true },
]

export const title = 'Queries beside better-sqlite3 and LMDB'
export const format = 2

export async function run({ quick, log: say }) {
  const { sizes, rounds } = quick ? QUICK : FULL
  const measured = []
  for (const size of sizes) {
    const directory = mkdtempSync(join(tmpdir(), 'spanledger-bench-queries-'))
    const sides = await openSides(directory, say)
    try {
      const middle = await fill(sides, size)
      const questions = []
      for (const question of QUESTIONS) questions.push(await measure(question, middle, sides, rounds))
      measured.push({ size, sides: sides.map(({ label }) => label), questions })
      for (const { label, answers } of questions) {
        say(
          `${size} events, ${label}: ${answers.map(({ side, millis }) => `${side} ${millis.median.toFixed(2)} ms`).join(', ')}`,
        )
      }
    } finally {
      for (const side of sides) await side.close()
      rmSync(directory, { recursive: true, force: true })
    }
  }
  return { sizes: measured }
}

/** The first is the one that the ratios are of. */
async function openSides(directory, say) {
  const optional = (name, open) => open.catch((problem) => say(`without ${name}: ${problem.code ?? problem.message}`))
  const sides = [
    ledgerSide('Spanledger', await openAuditLog(join(directory, 'log'))),
    hasBaseline(say) && ledgerSide(BASELINE_LABEL, await openBaselineLog(join(directory, BASELINE))),
    optional('better-sqlite3', openSqlite(directory).then(sqliteSide)),
    optional(
      'LMDB',
      openLmdb(directory).then((lmdb) => ({ ...lmdb, label: 'LMDB' })),
    ),
  ]
  return (await Promise.all(sides)).filter(Boolean)
}

function ledgerSide(label, log) {
  return {
    label,
    async put(events) {
      for (const event of events) log.record(event)
      await log.flush()
    },
    find: (query, { order, limit }) => log.events({ ...query, order, limit }).toArray(),
    count: (query) => log.events(query).count(),
    close: () => log.close(),
  }
}

function sqliteSide({ db, put, close }) {
  const statements = new Map()
  const prepared = (sql) => {
    if (!statements.has(sql)) statements.set(sql, db.prepare(sql))
    return statements.get(sql)
  }
  return {
    label: 'better-sqlite3',
    put,
    find(query, { order, limit, sql }) {
      const select = prepared(`SELECT seq, bytes FROM entry WHERE ${sql} ORDER BY seq ${order} LIMIT ${limit}`)
      return select.all(query).map(({ bytes }) => JSON.parse(bytes.toString()))
    },
    count: (query, { sql }) => prepared(`SELECT count(*) AS n FROM entry WHERE ${sql}`).get(query).n,
    close,
  }
}

async function fill(sides, size) {
  const events = new Events(ENTRY_BYTES)
  const every = size / SCATTERED_EVENTS
  let middle
  for (let n = 0; n < size; ) {
    const group = events.take(Math.min(FILLED_AT_ONCE, size - n))
    for (const event of group) {
      event.time = timeAfter(new Date(FIRST_MILLIS).toISOString(), n)
      if (n % every === 0) Object.assign(event, SCATTERED)
      else if (n > size / 2) middle ??= { ...event, seq: n }
      n++
    }
    for (const side of sides) await side.put(group)
  }
  return middle
}

async function measure({ label, filter, sql, order = 'asc', count = false }, middle, sides, rounds) {
  const query = filter(middle)
  const ask = async (side) =>
    count ? await side.count(query, { sql }) : (await side.find(query, { order, limit: 100, sql })).length
  const millis = new Map(sides.map((side) => [side, []]))
  let found
  for (let round = -WARM_UP_ROUNDS; round < rounds; round++) {
    for (const side of inTurn(sides, round)) {
      const began = performance.now()
      const answer = await ask(side)
      if (round >= 0) millis.get(side).push(performance.now() - began)
      found ??= answer
      if (answer !== found) throw new Error(`${label}: ${side.label} finds ${answer} instead of ${found}`)
    }
  }
  const ours = millis.get(sides[0])
  const answers = sides.map((side) => ({
    side: side.label,
    millis: spread(millis.get(side)),
    oursIsTimes: spread(millis.get(side).map((value, at) => value / ours[at])),
  }))
  return { label, found, answers }
}

function timeAfter(time, millis) {
  return `${new Date(Date.parse(time) + millis).toISOString().slice(0, -1)}000000Z`
}

export function tables({ sizes }) {
  return sizes.map(({ size, sides: [, ...others], questions }) => ({
    title: `${size.toLocaleString('en')} events`,
    columns: [
      '',
      'found',
      'Spanledger ms',
      ...others.flatMap((side) => [`${side} ms`, `Spanledger is × as fast as ${side}`]),
    ],
    rows: questions.map(({ label, found, answers: [ours, ...rest] }) => [
      label,
      found.toLocaleString('en'),
      ours.millis.median.toFixed(2),
      ...rest.flatMap(({ millis, oursIsTimes }) => [millis.median.toFixed(2), oursIsTimes.median.toFixed(2)]),
    ]),
  }))
}
