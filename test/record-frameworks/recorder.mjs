import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'

/** Seconds since the epoch at which each recording begins. */
const BEGIN = 1_795_000_000
const KINDS = ['INTERNAL', 'SERVER', 'CLIENT', 'PRODUCER', 'CONSUMER']
/** A mock server listens where there is room. */
const ADDRESS_OF_MOCK = /127\.0\.0\.1:\d+/g
const CODES = ['UNSET', 'OK', 'ERROR']

/**
 * A span processor that writes down what each span is when it starts, one microtask later and when it has ended, in the
 * form of test/fixtures/recordings. Times are those of a clock that goes on by a millisecond with each start and end.
 */
export class Recorder {
  #seq = 0
  /** @type {Map<object, any>} */
  #spans = new Map()
  /** @type {any[]} */
  #ended = []
  /** @type {any[]} */
  logs = []

  /** @param {any} span */
  onStart(span) {
    const seq = this.#seq++
    const recorded = {
      start: { seq, name: span.name, attributes: withoutPort(span.attributes) },
      startTime: timeOf(seq),
    }
    this.#spans.set(span, recorded)
    queueMicrotask(() => Object.assign(recorded.start, { keysAfterMicrotask: Object.keys(span.attributes) }))
  }

  /** @param {any} span */
  onEnd(span) {
    const recorded = this.#spans.get(span)
    if (!recorded) return
    this.#spans.delete(span)
    const endSeq = this.#seq++
    this.#ended.push({ ...this.#plain(span, recorded), endTime: timeOf(endSeq), start: recorded.start, endSeq })
  }

  /** A processor of log records. */
  get logProcessor() {
    return {
      onEmit: (/** @type {any} */ record) => {
        const { eventName, attributes, body, spanContext, instrumentationScope } = record
        const { name, version } = instrumentationScope
        const seq = this.#seq++
        this.logs.push({
          seq,
          eventName,
          hrTime: timeOf(seq),
          attributes,
          body,
          spanContext,
          instrumentationScope: { name, version },
        })
      },
      forceFlush: async () => {},
      shutdown: async () => {},
    }
  }

  async forceFlush() {}
  async shutdown() {}

  /**
   * @param {string} path - without its ending
   * @param {string} root - the folder of the programs that were recorded, which is another one in each run
   */
  write(path, root) {
    mkdirSync(dirname(path), { recursive: true })
    const ids = new Map()
    const lines = (/** @type {readonly unknown[]} */ items) =>
      numbered(jsonLines(items).replaceAll(root, '/app').replaceAll(ADDRESS_OF_MOCK, '127.0.0.1:8080'), ids)
    writeFileSync(`${path}.json`, lines(this.#ended))
    const open = [...this.#spans].map(([span, recorded]) => ({
      ...this.#plain(span, recorded),
      endTime: null,
      start: recorded.start,
      endSeq: null,
    }))
    if (open.length > 0) writeFileSync(`${path}.unended.json`, lines(open))
    if (this.logs.length > 0) writeFileSync(`${path}.logs.json`, lines(this.logs))
  }

  /**
   * @param {any} span
   * @param {any} recorded
   */
  #plain(span, { startTime, start }) {
    const { traceId, spanId } = span.spanContext()
    const scope = span.instrumentationScope ?? span.instrumentationLibrary
    return {
      name: span.name,
      kind: span.kind,
      kindName: KINDS[span.kind],
      traceId,
      spanId,
      parentSpanId: span.parentSpanContext?.spanId ?? span.parentSpanId,
      startTime,
      status: { code: span.status.code, codeName: CODES[span.status.code], message: span.status.message },
      attributes: withoutPort(span.attributes),
      events: span.events.map((/** @type {any} */ event, /** @type {number} */ at) => ({
        name: event.name,
        time: timeOf(start.seq + (at + 1) / 1000),
        attributes: withoutStack(event.attributes),
      })),
      links: span.links.map((/** @type {any} */ { context }) => ({ context: { ...context } })),
      resource: { attributes: { 'service.name': span.resource.attributes['service.name'] } },
      instrumentationScope: { name: scope.name, version: scope.version },
    }
  }
}

/** Makes ids that are the same in each run. */
export class CountedIds {
  #spans = 0
  #traces = 0

  generateTraceId() {
    return (++this.#traces).toString(16).padStart(32, 'a0')
  }

  generateSpanId() {
    return (++this.#spans).toString(16).padStart(16, 'b0')
  }
}

/** @param {number} step */
function timeOf(step) {
  return [BEGIN + Math.floor(step / 1000), Math.round((step % 1000) * 1e6)]
}

/** @param {Record<string, unknown>} attributes */
function withoutPort(attributes) {
  return 'server.port' in attributes ? { ...attributes, 'server.port': 8080 } : { ...attributes }
}

/**
 * A stack names the machine it was made on. Its first line is what translations look at.
 *
 * @param {Record<string, unknown> | undefined} attributes
 */
function withoutStack(attributes) {
  const stack = attributes?.['exception.stacktrace']
  return typeof stack === 'string' ? { ...attributes, 'exception.stacktrace': stack.split('\n')[0] } : attributes
}

/** @param {readonly unknown[]} items - one a line, so that a difference is told span by span */
function jsonLines(items) {
  return `[\n${items.map((item) => JSON.stringify(item)).join(',\n')}\n]\n`
}

/**
 * Numbers UUIDs in the order in which they come: some are made of the time.
 *
 * @param {string} text
 * @param {Map<string, string>} ids - known so far
 */
function numbered(text, ids) {
  return text.replace(/[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}/g, (uuid) => {
    const known = ids.get(uuid) ?? `00000000-0000-4000-8000-${String(ids.size + 1).padStart(12, '0')}`
    ids.set(uuid, known)
    return known
  })
}
