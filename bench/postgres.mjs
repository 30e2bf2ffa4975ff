// What a commit to PostgreSQL costs beside writing the same rows by hand: entries and the postings of each group, in
// tables of the same columns and indexes, as one transaction of multi-row inserts. The rows by hand have no tree, no
// head, no triggers and no partitions.
//
//   npm run build && SPANLEDGER_BENCH_POSTGRES=postgres://owner@127.0.0.1/empty node bench/postgres.mjs [--events 40000] [--group 4096]
//
// The two sides take turns, group by group, on one server. The median of the groups' ratios is what counts.
import { parseArgs } from 'node:util'
import { Client } from 'pg'
import { postingPrefix } from '../dist/store/keys.js'
import { migrate, postgresStore } from '../dist/store/postgres/index.js'
import { encodePosting } from '../dist/store/posting-value.js'
import { postingsOf } from '../dist/store/postings.js'
import { sealedEntry } from '../dist/testing/index.js'

const { values: options } = parseArgs({
  options: { events: { type: 'string', default: '40000' }, group: { type: 'string', default: '4096' } },
})
const connectionString = process.env.SPANLEDGER_BENCH_POSTGRES
if (connectionString === undefined) throw new Error('say which empty database: SPANLEDGER_BENCH_POSTGRES')
const [EVENTS, GROUP] = [Number(options.events), Number(options.group)]

await migrate({ connectionString })
const client = new Client(connectionString)
await client.connect()
await client.query(`drop schema if exists by_hand cascade; create schema by_hand;
  create table by_hand.entry (log integer, seq bigint, bytes bytea, primary key (log, seq));
  create table by_hand.posting (log integer, value bytea, last_seq bigint, first_seq bigint, count integer,
    positions bytea, primary key (log, value, last_seq))`)

const store = postgresStore({ connectionString, logId: `bench ${Date.now()}` })
await store.open()
const ratios = []
const totals = { store: 0, byHand: 0 }
for (let from = 0; from < EVENTS; from += GROUP) {
  const group = Array.from({ length: Math.min(GROUP, EVENTS - from) }, (_, n) => eventOf(from + n))
  const sides = [
    ['store', () => store.commit(group)],
    ['byHand', () => insertByHand(group, from)],
  ]
  if ((from / GROUP) % 2 === 1) sides.reverse()
  const millis = {}
  for (const [side, write] of sides) {
    const start = performance.now()
    await write()
    millis[side] = performance.now() - start
    totals[side] += millis[side]
  }
  // The first groups plan statements, and make pages.
  if (from >= 2 * GROUP) ratios.push(millis.byHand / millis.store)
}
ratios.sort((a, b) => a - b)
const perSecond = (millis) => `${Math.round((EVENTS / millis) * 1000)} events/s`
console.log(`store    ${perSecond(totals.store)}`)
console.log(`by hand  ${perSecond(totals.byHand)}`)
console.log(`ratio    ${ratios[ratios.length >> 1]?.toFixed(2)} (median of ${ratios.length} groups of ${GROUP})`)
await store.close()
await client.query('drop schema by_hand cascade')
await client.end()

/** Of 500 bytes, in one of 400 sessions and runs. */
function eventOf(n) {
  const data = { name: 'note', n, filler: 'x'.repeat(220) }
  return sealedEntry({
    sessionId: `session-${n % 400}`,
    runId: `run-${n % 400}`,
    agent: { name: `agent-${n % 5}` },
    data,
  })
}

async function insertByHand(group, from) {
  await client.query('begin')
  // A statement takes 65,535 parameters at most.
  for (let at = 0; at < group.length; at += 20_000) {
    await insert(
      'entry',
      3,
      group.slice(at, at + 20_000).map(({ bytes }, n) => [1, from + at + n, bytes]),
    )
  }
  const postings = postingsOf(group, from).map(({ index, value, seqs }) => [
    ...[1, postingPrefix(index, value), seqs.at(-1), seqs[0], seqs.length],
    encodePosting(seqs),
  ])
  await insert('posting', 6, postings)
  await client.query('commit')
}

async function insert(table, columns, rows) {
  const row = (n) => `(${Array.from({ length: columns }, (_, column) => `$${n * columns + column + 1}`).join()})`
  await client.query(`insert into by_hand.${table} values ${rows.map((_, n) => row(n)).join()}`, rows.flat())
}
