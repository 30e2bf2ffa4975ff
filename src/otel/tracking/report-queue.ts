import { createHash } from 'node:crypto'
import { soon } from '../../timers/real-timers.js'
import type { TelemetryEvent } from '../conventions/contract.js'
import { RecentMap } from '../recent-map.js'
import { inOrder, type ReceivedReport } from './reported-run.js'

/** Records that are remembered, so that one which is delivered twice counts once. */
const MAX_RECORDS = 8192
/** Attribute values are compared as far as this. */
const MAX_COMPARED_LENGTH = 64
const MAX_COMPARED_ATTRIBUTES = 64
/** So many reports of one turn are put in order together. */
const MAX_WAITING = 10_000

/**
 * Puts the reports of one turn into the order in which they were made: exporters deliver log records in batches that
 * several threads have filled. What was delivered before is left out.
 */
export class ReportQueue {
  readonly #take: (received: ReceivedReport) => void
  readonly #seen = new RecentMap<string, true>(MAX_RECORDS)
  #waiting: ReceivedReport[] = []
  readonly #drainLater = (): void => this.drain()

  constructor(take: (received: ReceivedReport) => void) {
    this.#take = take
  }

  /** @param event - the one that the report was read from */
  add(received: ReceivedReport, event: TelemetryEvent): void {
    const print = fingerprint(received, event)
    if (this.#seen.get(print)) return
    this.#seen.set(print, true)
    // An event of a span is recorded in its place.
    if (received.signal === 'span') this.#take(received)
    else if (this.#waiting.push(received) === 1) soon(this.#drainLater)
    else if (this.#waiting.length >= MAX_WAITING) this.drain()
  }

  drain(): void {
    if (this.#waiting.length === 0) return
    const waiting = this.#waiting
    this.#waiting = []
    for (const ofSession of bySession(waiting).values())
      for (const received of ofSession.sort(inOrder)) this.#take(received)
  }
}

/** The reports of each session, which are recorded one session after the other. */
function bySession(reports: readonly ReceivedReport[]): ReadonlyMap<string, ReceivedReport[]> {
  const sessions = new Map<string, ReceivedReport[]>()
  for (const received of reports) {
    const { sessionId } = received.report
    const ofSession = sessions.get(sessionId)
    if (ofSession) ofSession.push(received)
    else sessions.set(sessionId, [received])
  }
  return sessions
}

/** A value that differs from that of any other record, but for the same one that comes again. Nothing of its content can be read from it. */
function fingerprint(
  { report, time, signal, sender }: ReceivedReport,
  { name, attributes, span }: TelemetryEvent,
): string {
  const { sessionId, sequence } = report
  const parts: unknown[] = [sender, signal, name, time, sessionId, span?.traceId, span?.spanId, sequence]
  let compared = 0
  for (const key in attributes) {
    if (++compared > MAX_COMPARED_ATTRIBUTES) break
    const value: unknown = attributes[key]
    if (typeof value === 'object' && value !== null) continue
    parts.push(key, String(value).slice(0, MAX_COMPARED_LENGTH))
  }
  return createHash('sha256').update(parts.join('\u0000')).digest('base64')
}
