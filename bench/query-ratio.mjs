// What queries take beside better-sqlite3 with the same indexes and the same events. Both answer with parsed events.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openAuditLog } from '../dist/index.js'
import { Events } from './events.mjs'
import { spread } from './measure.mjs'
import { openSqlite } from './sides/better-sqlite3.mjs'

const ENTRY_BYTES = 500
const FULL = { sizes: [100_000, 1_000_000], rounds: 40 }
const QUICK = { sizes: [2_000], rounds: 3 }
const FILLED_AT_ONCE = 1024
const FIRST_MILLIS = Date.UTC(2026, 0, 1)

/** Each by its filter, and as it is said in SQL. `middle` is an event from the middle of the log. */
const QUESTIONS = [
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
  { label: 'type: count', filter: ({ type }) => ({ type }), sql: 'type = :type', count: true },
]

export const title = 'Queries beside better-sqlite3'

export async function run({ quick, log: say }) {
  const { sizes, rounds } = quick ? QUICK : FULL
  const measured = []
  for (const size of sizes) {
    const directory = mkdtempSync(join(tmpdir(), 'spanledger-bench-queries-'))
    try {
      const sqlite = await openSqlite(directory).catch((problem) => say(`without better-sqlite3: ${problem.code}`))
      if (!sqlite) return { sizes: [] }
      const log = await openAuditLog(join(directory, 'log'))
      const middle = await fill(log, sqlite, size)
      const questions = []
      for (const question of QUESTIONS) questions.push(await measure(question, middle, log, sqlite.db, rounds))
      measured.push({ size, questions })
      say(`${size} events: ${questions.map(({ label, ratio }) => `${label} ${ratio.median.toFixed(2)}`).join(', ')}`)
      await log.close()
      sqlite.close()
    } finally {
      rmSync(directory, { recursive: true, force: true })
    }
  }
  return { sizes: measured }
}

async function fill(log, sqlite, size) {
  const events = new Events(ENTRY_BYTES)
  let middle
  for (let n = 0; n < size; ) {
    const group = events.take(Math.min(FILLED_AT_ONCE, size - n))
    for (const event of group) {
      event.time = timeAfter(new Date(FIRST_MILLIS).toISOString(), n++)
      log.record(event)
    }
    await sqlite.put(group)
    await log.flush()
    if (n >= size / 2) middle ??= group[0]
  }
  return middle
}

async function measure({ label, filter, sql, order = 'asc', count = false }, middle, log, db, rounds) {
  const query = filter(middle)
  const select = db.prepare(
    count
      ? `SELECT count(*) AS n FROM entry WHERE ${sql}`
      : `SELECT seq, bytes FROM entry WHERE ${sql} ORDER BY seq ${order} LIMIT 100`,
  )
  const ask = {
    ours: async () => (count ? log.count(query) : (await log.events({ ...query, order, limit: 100 }).toArray()).length),
    theirs: () => {
      const rows = select.all(query)
      return count ? rows[0].n : rows.map(({ bytes }) => JSON.parse(bytes.toString())).length
    },
  }
  const millis = { ours: [], theirs: [] }
  let found
  for (let round = -5; round < rounds; round++) {
    const answers = []
    for (const side of ['ours', 'theirs']) {
      const began = performance.now()
      answers.push(await ask[side]())
      if (round >= 0) millis[side].push(performance.now() - began)
    }
    if (answers[0] !== answers[1]) throw new Error(`${label}: ${answers[0]} here, ${answers[1]} there`)
    found = answers[0]
  }
  return {
    label,
    found,
    oursMillis: spread(millis.ours),
    theirsMillis: spread(millis.theirs),
    ratio: spread(millis.ours.map((value, at) => millis.theirs[at] / value)),
  }
}

function timeAfter(time, millis) {
  return `${new Date(Date.parse(time) + millis).toISOString().slice(0, -1)}000000Z`
}

export function tables({ sizes }) {
  return sizes.map(({ size, questions }) => ({
    title: `${size.toLocaleString('en')} events`,
    columns: ['', 'found', 'Spanledger is × as fast', 'Spanledger ms', 'better-sqlite3 ms'],
    rows: questions.map(({ label, found, oursMillis, theirsMillis, ratio }) => [
      label,
      found.toLocaleString('en'),
      ratio.median.toFixed(2),
      oursMillis.median.toFixed(2),
      theirsMillis.median.toFixed(2),
    ]),
  }))
}
