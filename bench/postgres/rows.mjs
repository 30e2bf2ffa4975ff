// A commit beside the same rows written by hand: entries, and the postings of each group, in tables of the same columns
// and indexes, as one transaction. The rows by hand have no tree, no head, no triggers and no partitions.
import { randomUUID } from 'node:crypto'
import { Client } from 'pg'
import { postgresStore } from '../../dist/store/postgres/index.js'
import { partialValueKeys, postingValueKey } from '../../dist/store/postgres/posting-rows.js'
import { encodePosting } from '../../dist/store/posting-value.js'
import { postingsOf } from '../../dist/store/postings.js'
import { sealedEntry } from '../../dist/testing/index.js'
import { Events } from '../events.mjs'
import { spread } from '../measure.mjs'
import { copyInto } from './copy.mjs'

const ENTRY_BYTES = 500
const WARM_UPS = 3
const FULL = { groups: [64, 1024, 4096], rounds: 40 }
const QUICK = { groups: [64], rounds: 4 }
/** A statement takes no more. */
const MAX_PARAMETERS = 65_535
const COLUMNS = { entry: 3, posting: 6 }

export async function run({ connectionString, quick, log }) {
  const { groups, rounds } = quick ? QUICK : FULL
  const client = new Client(connectionString)
  await client.connect()
  // As the store takes it.
  await client.query(
    "select case when current_setting('synchronous_commit') = 'off' then set_config('synchronous_commit', 'on', false) end",
  )
  const workloads = []
  try {
    for (const groupSize of groups) {
      const store = postgresStore({ connectionString, logId: `bench ${randomUUID()}` })
      await store.open()
      const workload = await compare({ store, client, groupSize, rounds }).finally(() => store.close())
      await checkSameRows(client, store.logId)
      workloads.push(workload)
      log(
        `groups of ${groupSize}: ${workload.insertRatio.median.toFixed(2)} x INSERT, ${workload.copyRatio.median.toFixed(2)} x COPY`,
      )
    }
    await client.query('drop schema by_insert cascade; drop schema by_copy cascade')
  } finally {
    await client.end()
  }
  return workloads
}

async function compare({ store, client, groupSize, rounds }) {
  for (const schema of ['by_insert', 'by_copy']) await makeTables(client, schema)
  const events = new Events(ENTRY_BYTES)
  const sides = [
    { millis: [], write: (group) => store.commit(group) },
    { millis: [], write: (group, from) => byHand(client, group, from, insert) },
    { millis: [], write: (group, from) => byHand(client, group, from, copy) },
  ]
  for (let round = -WARM_UPS; round < rounds; round++) {
    const from = (round + WARM_UPS) * groupSize
    const group = events.take(groupSize).map((event) => sealedEntry(event))
    // Each side is the first as often as the others.
    for (let turn = 0; turn < sides.length; turn++) {
      const side = sides[(round + WARM_UPS + turn) % sides.length]
      const began = performance.now()
      await side.write(group, from)
      if (round >= 0) side.millis.push(performance.now() - began)
    }
  }
  const [stored, inserted, copied] = sides.map(({ millis }) => millis)
  const perSecond = (millis) => spread(millis.map((each) => (groupSize / each) * 1000))
  const ratio = (other) => spread(stored.map((millis, at) => other[at] / millis))
  return {
    groupSize,
    perSecond: { store: perSecond(stored), insert: perSecond(inserted), copy: perSecond(copied) },
    insertRatio: ratio(inserted),
    copyRatio: ratio(copied),
  }
}

function makeTables(client, schema) {
  return client.query(`drop schema if exists ${schema} cascade; create schema ${schema};
    create table ${schema}.entry (log integer, seq bigint, bytes bytea, primary key (log, seq));
    create table ${schema}.posting (log integer, value bytea, last_seq bigint, first_seq bigint, count integer,
      positions bytea, primary key (log, value, last_seq))`)
}

/** Else the sides were given different work. */
async function checkSameRows(client, logId) {
  const digest = async (schema, log) => {
    const { rows } = await client.query(`select
      (select sum(hash_record_extended(row(seq, bytes), 0)::numeric) from ${schema}.entry where log = ${log}) as entries,
      (select sum(hash_record_extended(row(value, last_seq, first_seq, count, positions), 0)::numeric)
        from ${schema}.posting where log = ${log}) as postings`)
    return JSON.stringify(rows[0])
  }
  const { rows } = await client.query('select log from spanledger.log where id = $1', [logId])
  const stored = await digest('spanledger', rows[0].log)
  for (const schema of ['by_insert', 'by_copy']) {
    if ((await digest(schema, 1)) !== stored) throw new Error(`${schema} has other rows than the store`)
  }
}

async function byHand(client, group, from, write) {
  const entries = group.map(({ bytes }, n) => [1, from + n, bytes])
  const values = postingsOf(group, from).map(({ index, value, seqs }) => [postingValueKey(index, value), seqs])
  const postings = [...values, ...partialValueKeys(group, from)].map(([value, seqs]) => [
    ...[1, value, seqs.at(-1), seqs[0], seqs.length],
    encodePosting(seqs),
  ])
  await client.query('begin')
  await write(client, 'entry', entries)
  await write(client, 'posting', postings)
  await client.query('commit')
}

async function insert(client, table, rows) {
  const columns = COLUMNS[table]
  const rowsAtOnce = Math.floor(MAX_PARAMETERS / columns)
  const row = (n) => `(${Array.from({ length: columns }, (_, column) => `$${n * columns + column + 1}`).join()})`
  for (let at = 0; at < rows.length; at += rowsAtOnce) {
    const some = rows.slice(at, at + rowsAtOnce)
    await client.query(`insert into by_insert.${table} values ${some.map((_, n) => row(n)).join()}`, some.flat())
  }
}

const COPIED_TYPES = {
  entry: ['integer', 'bigint', 'bytea'],
  posting: ['integer', 'bytea', 'bigint', 'bigint', 'integer', 'bytea'],
}

function copy(client, table, rows) {
  return copyInto(client, `by_copy.${table}`, COPIED_TYPES[table], rows)
}

export function table(workloads, where) {
  return {
    title: `A commit beside the same rows by hand, entries of ${ENTRY_BYTES} B, ${where}; events/s, and the middle half of the groups' ratios`,
    columns: ['events a commit', 'store', 'INSERT', 'COPY', 'store is × INSERT', '', 'store is × COPY', ''],
    rows: workloads.map(({ groupSize, perSecond, insertRatio, copyRatio }) => [
      groupSize.toLocaleString('en'),
      ...Object.values(perSecond).map(({ median }) => Math.round(median).toLocaleString('en')),
      ...[insertRatio, copyRatio].flatMap(({ median, low, high }) => [
        median.toFixed(2),
        `${low.toFixed(2)} to ${high.toFixed(2)}`,
      ]),
    ]),
  }
}
