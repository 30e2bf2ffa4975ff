import { join } from 'node:path'
import { rowOf } from './sql.mjs'

const INDEXES = ['session', 'run', 'type', 'agent', 'tenant', 'time']
const BINARY = { encoding: 'binary', keyEncoding: 'binary' }
const NOTHING = Buffer.alloc(0)
const SEQ_BYTES = 8
/** Sorts after every position. */
const END = Buffer.alloc(SEQ_BYTES, 0xff)

/** One transaction a tick; it returns after its fsync. The postings are those of the SQL sides, as keys without a value. */
export async function openLmdb(directory) {
  const { open: openRoot } = await import('lmdb')
  // With overlapping sync, a transaction would return before it is on the disk.
  const root = openRoot({ path: join(directory, 'entries.lmdb'), maxDbs: 8, overlappingSync: false, ...BINARY })
  const entries = root.openDB('entry', BINARY)
  const indexes = Object.fromEntries(INDEXES.map((name) => [name, root.openDB(`by-${name}`, BINARY)]))
  let size = 0
  const write = (event) => {
    const [tenant, session, run, type, agent, time, bytes] = rowOf(event)
    const seq = Buffer.alloc(SEQ_BYTES)
    seq.writeBigUInt64BE(BigInt(size++))
    entries.putSync(seq, bytes)
    const values = { session: `${session}\0${tenant}`, run, type, agent, tenant, time }
    for (const name of INDEXES) {
      if (values[name] !== null) indexes[name].putSync(posting(values[name], seq), NOTHING)
    }
  }
  return {
    put(events) {
      root.transactionSync(() => {
        for (const event of events) write(event)
      })
    },
    durable() {},
    close: () => root.close(),
    find: (query, options) => find(entries, indexes, query, options),
    count: (query) => count(indexes, query),
  }
}

export const open = (directory) => openLmdb(directory)

/**
 * Walks the index of the first value, and looks the position up in those of the others.
 *
 * @param query - the fields of a query of an audit log; of a position alone, it needs no index
 */
function find(entries, indexes, query, { order = 'asc', limit }) {
  if (query.afterSeq !== undefined) return following(entries, query.afterSeq, limit)
  const [[name, range], ...others] = rangesOf(query)
  const reverse = order === 'desc'
  const bounds = reverse ? { start: range.end, end: range.start, reverse } : range
  const found = []
  for (const key of indexes[name].getKeys(bounds)) {
    const seq = key.subarray(-SEQ_BYTES)
    if (!others.every(([other, { value }]) => indexes[other].doesExist(posting(value, seq)))) continue
    found.push(JSON.parse(entries.get(seq).toString()))
    if (found.length === limit) break
  }
  return found
}

function following(entries, afterSeq, limit) {
  const start = Buffer.alloc(SEQ_BYTES)
  start.writeBigUInt64BE(BigInt(afterSeq + 1))
  return Array.from(entries.getRange({ start, limit }), ({ value }) => JSON.parse(value.toString()))
}

/** @param query - of one value */
function count(indexes, query) {
  const [[name, range]] = rangesOf(query)
  return indexes[name].getKeysCount(range)
}

/** The stretches of the indexes that hold the postings of a query. */
function rangesOf({ tenantId, sessionId, runId, type, agent, since, until }) {
  if (since !== undefined) return [['time', { start: posting(since, NOTHING), end: posting(until, NOTHING) }]]
  if (sessionId !== undefined) return [['session', rangeOf(`${sessionId}\0${tenantId}`)]]
  return Object.entries({ run: runId, tenant: tenantId, agent, type })
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => [name, rangeOf(value)])
}

function rangeOf(value) {
  return { value, start: posting(value, NOTHING), end: posting(value, END) }
}

function posting(value, seq) {
  return Buffer.concat([Buffer.from(`${value}\0`), seq])
}
