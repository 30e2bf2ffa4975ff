import type { FiledEvent, WithRunFacts } from '../contract.js'
import { decodeEntry, decodeFiled } from '../decode-entry.js'
import { filedEvent } from '../filed-event.js'
import { hasFacts } from './run-facts.js'

const { latin1Slice } = Buffer.prototype

/**
 * Returns what an entry says that the indexes and the rows of runs are made of; `undefined` for an entry that is no event which
 * can be filed. Most entries are not parsed for it, see {@link decodeFiled}.
 */
export function decodeWithRun(bytes: Uint8Array): (FiledEvent & WithRunFacts) | undefined {
  const event: (FiledEvent & Partial<WithRunFacts>) | undefined = decodeFiled(bytes)
  if (!event) return undefined
  // Where the fields could not be taken from the entry's beginning, all of it was parsed.
  if ('run' in event) return event as FiledEvent & WithRunFacts
  if (!mayTell(event, bytes)) return Object.assign(event, { run: undefined })
  const whole = decodeEntry(bytes)
  return whole && filedEvent(whole)
}

/**
 * Returns what an entry says that the indexes are made of, and what it does to the open runs. Of the runs, only the statement
 * of whose one is has to be parsed for that.
 */
export function decodeForIndexes(bytes: Uint8Array): (FiledEvent & Partial<WithRunFacts>) | undefined {
  const event = decodeFiled(bytes)
  return event?.type === 'run_identified' ? decodeWithRun(bytes) : event
}

/**
 * Rules out most events that have no facts about their run, without parsing them: most of what a log holds. No escape hides a
 * letter in the names of fields: such an entry was parsed.
 */
function mayTell({ type, runId, sessionId }: FiledEvent, bytes: Uint8Array): boolean {
  if (runId === undefined) return false
  if (hasFacts(type)) return true
  const text = latin1Slice.call(bytes, 0, bytes.length)
  if (text.includes('"confidence"')) return true
  const trace = text.indexOf('"traceId"')
  // The id of a trace may be written with escapes.
  return trace >= 0 && (text.includes(sessionId, trace) || text.includes('\\', trace))
}
