/** @typedef {import('spanledger').AuditLogReader} AuditLogReader */
/** @typedef {import('spanledger').StoredEvent} StoredEvent */
/** @typedef {import('spanledger').EventQuery<any>} EventQuery */
/** @typedef {Pick<StoredEvent, 'seq' | 'type' | 'time' | 'runId' | 'sessionId' | 'tenantId'>} Filed */

const FILTERS = /** @type {const} */ (['runId', 'sessionId', 'tenantId', 'type'])
const ENDS = ['run_completed', 'run_failed', 'run_cancelled', 'run_interrupted']
/** The last of them are in the part of the index that was written last, or not yet. */
const NEWEST = 2
/** The most events to ask for at a time. */
const MOST = 200

/**
 * Asks a log by its indexes, and compares the answers with a scan of all of its entries.
 *
 * @param {AuditLogReader} log nothing is written to it meanwhile, or it does not see it
 * @param {{ samples?: number }} [options] the number of values of each kind to ask for
 * @returns {Promise<string[]>} what was answered wrongly
 */
export async function wrongAnswers(log, { samples = 4 } = {}) {
  /** @type {Filed[]} */
  const all = []
  for await (const { seq, type, time, runId, sessionId, tenantId } of log.events()) {
    if (seq !== all.length) return [`entry ${all.length} is missing`]
    all.push({ seq, type, time, runId, sessionId, tenantId })
  }
  const { size } = await log.head()
  if (all.length !== size) return [`${all.length} of ${size} entries were read`]
  /** @type {string[]} */
  const wrong = []
  for (const query of queriesOf(all, samples)) {
    const expected = all.filter((event) => passes(event, query)).map(({ seq }) => seq)
    const limit = 1 + Math.floor(Math.random() * MOST)
    const from = Math.floor(Math.random() * size)
    const asc = { ...query, afterSeq: from - 1, limit }
    const desc = { ...query, beforeSeq: size - Math.floor(from / 2), order: 'desc', limit }
    const ascending = expected.filter((seq) => seq > asc.afterSeq).slice(0, limit)
    const descending = expected
      .filter((seq) => seq < desc.beforeSeq)
      .toReversed()
      .slice(0, limit)
    wrong.push(
      ...differing([
        [`asc ${JSON.stringify(asc)} of ${size}`, ascending, await seqsOf(log, asc)],
        [`desc ${JSON.stringify(desc)} of ${size}`, descending, await seqsOf(log, /** @type {EventQuery} */ (desc))],
        [`count ${JSON.stringify(query)} of ${size}`, [expected.length], [await log.events(query).count()]],
      ]),
    )
  }
  return [...wrong, ...(await wrongRuns(log, all, samples)), ...(await wrongSessions(log, all, samples))]
}

/** @param {readonly Filed[]} all @param {number} samples @returns {EventQuery[]} */
function queriesOf(all, samples) {
  if (all.length === 0) return [{ tenantId: 'none' }]
  const newest = all.slice(-NEWEST)
  const picked = Array.from({ length: samples }, () => all[Math.floor(Math.random() * all.length)]).concat(newest)
  /** @type {EventQuery[]} */
  const queries = []
  for (const [at, event] of picked.entries()) {
    if (!event) continue
    for (const filter of FILTERS) if (event[filter] !== undefined) queries.push({ [filter]: event[filter] })
    const { type, sessionId, tenantId, runId } = event
    const other = picked[(at * 7) % picked.length] ?? event
    const [since, until] = event.time < other.time ? [event.time, other.time] : [other.time, event.time]
    queries.push({ sessionId, tenantId }, { sessionId, type }, { tenantId, type })
    if (since !== until)
      queries.push({ since, until }, { since, type }, { ...(runId ? { runId } : { tenantId }), until })
  }
  const texts = new Set(queries.map((query) => JSON.stringify(query)))
  return [...texts].map((text) => JSON.parse(text))
}

/** @param {Filed} event @param {EventQuery} query */
function passes(event, { since, until, ...filters }) {
  const isWithin = (!since || event.time >= since) && (!until || event.time < until)
  return (
    isWithin && Object.entries(filters).every(([name, value]) => event[/** @type {keyof Filed} */ (name)] === value)
  )
}

/** @param {AuditLogReader} log @param {EventQuery} query */
async function seqsOf(log, query) {
  return (await log.events(query).toArray()).map(({ seq }) => seq)
}

/** @param {AuditLogReader} log @param {readonly Filed[]} all @param {number} limit */
async function wrongRuns(log, all, limit) {
  const started = all.filter(({ type }) => type === 'run_started').map(({ tenantId, runId }) => `${tenantId} ${runId}`)
  const ended = new Set(
    all.filter(({ type }) => ENDS.includes(type)).map(({ tenantId, runId }) => `${tenantId} ${runId}`),
  )
  const running = started.filter((run) => !ended.has(run))
  /** @param {import('spanledger').RunQuery} query */
  const listed = async (query) =>
    (await log.runs({ ...query, order: 'desc', limit }).toArray()).map(({ tenantId, runId }) => `${tenantId} ${runId}`)
  const newest = (/** @type {string[]} */ runs) => runs.toReversed().slice(0, limit)
  return differing([
    ['runs', newest(started), await listed({})],
    ['running', newest(running), await listed({ status: 'running' })],
  ])
}

/** @param {AuditLogReader} log @param {readonly Filed[]} all @param {number} limit */
async function wrongSessions(log, all, limit) {
  const sessions = new Map()
  for (const { tenantId, sessionId, seq } of all) {
    const key = `${tenantId} ${sessionId}`
    if (!sessions.has(key)) sessions.set(key, seq)
  }
  const found = await log.sessions({ limit }).toArray()
  const expected = [...sessions.keys()].slice(0, limit)
  return differing([['sessions', expected, found.map(({ tenantId, sessionId }) => `${tenantId} ${sessionId}`)]])
}

/** @param {readonly (readonly [what: string, expected: readonly unknown[], is: readonly unknown[]])[]} compared */
function differing(compared) {
  return compared.flatMap(([what, expected, is]) =>
    String(expected) === String(is) ? [] : [`${what}: ${is}, not ${expected}`],
  )
}
