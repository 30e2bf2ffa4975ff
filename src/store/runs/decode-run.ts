import type { AuditEvent } from '../../events/types.js'
import type { FiledEvent, RunTelling } from '../contract.js'
import { decodeEntry, decodeFiled } from '../decode-entry.js'
import { hasFacts, runFactsOf } from './run-facts.js'

/** The fields of an entry's event by which it is filed, and what it tells of its run. */
export type FiledRunEvent = FiledEvent & RunTelling

const { latin1Slice } = Buffer.prototype

/** Returns what the indexes and the rows of runs are made of; `undefined` for an entry that is no event which can be filed. */
export function decodeWithRun(bytes: Uint8Array): FiledRunEvent | undefined {
  const event: FiledEvent | undefined = decodeFiled(bytes)
  if (!event) return undefined
  // Where the fields could not be taken from the entry's beginning, all of it was parsed.
  if ('data' in event) return withRun(event as AuditEvent)
  const whole = mayTell(event, bytes) ? decodeEntry(bytes) : undefined
  return Object.assign(event, { run: whole && runFactsOf(whole) })
}

/** Returns the same of an entry whose id its caller chose, with the id. */
export function decodeWithId(bytes: Uint8Array): (FiledRunEvent & { readonly id?: string }) | undefined {
  const event = decodeEntry(bytes)
  return event && withRun(event)
}

function withRun(event: AuditEvent): AuditEvent & RunTelling {
  return Object.assign(event, { run: runFactsOf(event) })
}

/** Rules out most events that tell nothing of their run, without parsing them: most of what the log holds. */
function mayTell({ type, runId, sessionId }: FiledEvent, bytes: Uint8Array): boolean {
  if (runId === undefined) return false
  if (hasFacts(type)) return true
  const text = latin1Slice.call(bytes, 0, bytes.length)
  // A name may be written with escapes, and so may the id of a trace.
  if (text.includes('\\') || text.includes('"actor"') || text.includes('"confidence"')) return true
  const trace = text.indexOf('"trace"')
  return trace >= 0 && text.includes(sessionId, trace)
}
