import { createHash } from 'node:crypto'
import { soon } from '../../timers/real-timers.js'
import type { TelemetryEvent } from '../conventions/contract.js'
import { RecentMap } from '../recent-map.js'
import { inOrder, type Reported } from './told-run.js'

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
  readonly #take: (reported: Reported) => void
  readonly #seen = new RecentMap<string, true>(MAX_RECORDS)
  #waiting: Reported[] = []
  readonly #drainLater = (): void => this.drain()

  constructor(take: (reported: Reported) => void) {
    this.#take = take
  }

  /** @param event - the one that the report was read from */
  add(reported: Reported, event: TelemetryEvent): void {
    const print = fingerprint(reported, event)
    if (this.#seen.get(print)) return
    this.#seen.set(print, true)
    // An event of a span is told in its place.
    if (reported.signal === 'span') this.#take(reported)
    else if (this.#waiting.push(reported) === 1) soon(this.#drainLater)
    else if (this.#waiting.length >= MAX_WAITING) this.drain()
  }

  drain(): void {
    if (this.#waiting.length === 0) return
    const waiting = this.#waiting
    this.#waiting = []
    for (const ofSession of bySession(waiting).values())
      for (const reported of ofSession.sort(inOrder)) this.#take(reported)
  }
}

/** The reports of each session, which are told one session after the other. */
function bySession(reports: readonly Reported[]): ReadonlyMap<string, Reported[]> {
  const sessions = new Map<string, Reported[]>()
  for (const reported of reports) {
    const { sessionId } = reported.report
    const ofSession = sessions.get(sessionId)
    if (ofSession) ofSession.push(reported)
    else sessions.set(sessionId, [reported])
  }
  return sessions
}

/** Tells a record from any other, but not from itself when it comes again. Nothing of its content can be read from it. */
function fingerprint({ report, time, signal, sender }: Reported, { name, attributes, span }: TelemetryEvent): string {
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
