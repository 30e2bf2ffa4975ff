// Events as agents make them: runs that interleave, a few tenants, sessions of some runs each.
import { createHash } from 'node:crypto'

/** Each type with `data` that some text fills up to the size asked for. */
const TYPES = {
  run_started: (n, text) => ({ agent: { name: agentOf(n) }, model: 'model-1', trigger: text }),
  memory_recall: (n, text) => ({ tier: 'long_term', namespaceKey: text, hits: n % 9 }),
  tool_call_failed: (n, text) => ({
    callId: `call-${n}`,
    tool: { name: 'search', type: 'function' },
    durationMs: n % 997,
    error: { code: 'Timeout', message: text },
  }),
  custom: (n, text) => ({ name: 'step', note: text, step: n % 31 }),
  run_completed: (n, text) => ({ durationMs: n % 60_013, finishReason: text }),
}
const NAMES = Object.keys(TYPES)
const AGENTS = ['planner', 'writer', 'critic', 'triage', 'billing', 'search', 'coder', 'reviewer']
const SOURCE = { convention: 'gen_ai', scope: '@acme/agents', scopeVersion: '2.1.0', service: 'support' }
/** What the log adds to an event, about: version, id, two times and, where there is none, a source. */
const COMPLETED_BYTES = { plain: 206, traced: 151 }
const WORDS = 'the run asked for the order of the customer and got an answer within its limits; it then went on '
const RUNS_AT_A_TIME = 8
const HEX_PARTS = Array.from({ length: 8192 }, (_, n) =>
  createHash('sha256').update(String(n)).digest('hex').slice(0, 8),
)

/** Endless events whose stored entries are of about so many bytes. */
export class Events {
  #n = 0
  #isTraced
  #texts

  /** @param {number} entryBytes - entries of 500 and more have a trace and a source too, as those of spans do */
  constructor(entryBytes) {
    this.#isTraced = entryBytes >= 500
    this.#texts = NAMES.map((_, at) => this.#textsOf(at, entryBytes))
  }

  next() {
    const n = this.#n++
    const type = Math.floor(n / RUNS_AT_A_TIME) % NAMES.length
    const texts = this.#texts[type]
    return this.#event(n, type, texts[n % texts.length])
  }

  /** @param {number} count */
  take(count) {
    const events = new Array(count)
    for (let at = 0; at < count; at++) events[at] = this.next()
    return events
  }

  #event(n, type, text) {
    // Eight runs at a time, each of 40 events; four runs are a session.
    const run = Math.floor(n / 320) * RUNS_AT_A_TIME + (n % RUNS_AT_A_TIME)
    const event = {
      type: NAMES[type],
      tenantId: `t${run % 7}`,
      sessionId: `s-${run >>> 2}`,
      runId: `run-${run}`,
      agent: { name: agentOf(run) },
      data: TYPES[NAMES[type]](n, text),
    }
    if (this.#isTraced) {
      event.trace = { traceId: hex(run, 32), spanId: hex(n, 16) }
      event.source = SOURCE
    }
    return event
  }

  /** Different stretches of text, so that entries are no copies of each other to a compressor. */
  #textsOf(type, entryBytes) {
    const completed = this.#isTraced ? COMPLETED_BYTES.traced : COMPLETED_BYTES.plain
    const length = Math.max(0, entryBytes - completed - JSON.stringify(this.#event(100_000, type, '')).length)
    const text = WORDS.repeat(Math.ceil(length / WORDS.length) + 1)
    return Array.from({ length: 31 }, (_, from) => text.slice(from * 3, from * 3 + length))
  }
}

function agentOf(n) {
  return AGENTS[n % AGENTS.length]
}

/** As ids of a trace look, to a compressor as well: made of parts that are as good as random. */
function hex(n, length) {
  let text = ''
  for (let at = n; text.length < length; at = (at * 31 + 7) >>> 0) text += HEX_PARTS[at % HEX_PARTS.length]
  return text
}
