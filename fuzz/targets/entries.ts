import { isUtf8 } from 'node:buffer'
import type { AuditEventInput, StoredEvent } from '../../src/events/types.js'
import { EventSchemas } from '../../src/events/validate.js'
import { Sealer } from '../../src/log/sealing/seal.js'
import { type RunEvent, skimEvent } from '../../src/reader/summaries/skimmed-event.js'
import type { FiledEvent } from '../../src/store/contract.js'
import { decodeEntry, decodeFiled } from '../../src/store/decode-entry.js'
import { filedEvent } from '../../src/store/filed-event.js'
import { claim, coded, parsed, same } from '../support/oracle.js'
import { entries } from '../support/signed-log.js'
import { json, jsonOf } from '../support/target.js'

/*
 * Stored entries, and events as `append` and the command `record` take them.
 *
 * Oracles: the short ways of reading an entry say what the long way says; an event that is accepted is sealed, and is
 * accepted again; sealed, it is read the same in all ways.
 */
const schemas = new EventSchemas()
const sealer = new Sealer(() => [1_767_225_600, 0], 'fuzz.example/log')

export function fuzz(bytes: Buffer): void {
  readAllWays(bytes)
  const event = parsed(coded('AUDIT_EVENT_INVALID'), () => schemas.parse(jsonOf(bytes)))
  if (!event) return
  same(schemas.parse(event), event, 'an event that was accepted is another when it is checked again')
  const { entry: sealed } = sealer.seal(event, event.id !== undefined)
  claim(decodeEntry(sealed.bytes) !== undefined, 'an event that was accepted is sealed as none')
  readAllWays(sealed.bytes)
}

function readAllWays(entry: Uint8Array): void {
  // The short way does not tell whether what follows a sound beginning is JSON at all.
  if (!isUtf8(entry) || jsonOf(Buffer.from(entry)) === undefined) return
  const decoded = decodeEntry(entry)
  same(filed(decodeFiled(entry)), filed(decoded && filedEvent(decoded)), 'an entry is filed by what it does not say')
  const event = jsonOf(Buffer.from(entry))
  if (typeof event !== 'object' || event === null) return
  const skimmed = skimEvent(0, entry, () => event as StoredEvent)
  if (skimmed) same(summed(skimmed), summed(event as StoredEvent), 'a run is summed up by what an entry does not say')
}

/** Returns the fields by which a run is summed up. */
function summed(event: RunEvent): unknown {
  const { type, time, tenantId, sessionId, runId, parentRunId, agent, actor, trace, source, data } = event
  return [type, time, tenantId, sessionId, runId, parentRunId, agent, actor, trace, source, data]
}

/** Returns the fields by which an entry is filed, in one form. */
function filed(event: FiledEvent | undefined): unknown {
  if (!event) return undefined
  const { type, time, tenantId, sessionId, runId, parentRunId, supersedes, agent, actorId, toolName } = event
  return [type, time, tenantId, sessionId, runId, parentRunId, supersedes, agent?.id, agent?.name, actorId, toolName]
}

export function seeds(): Uint8Array[] {
  const events: AuditEventInput[] = [
    { type: 'custom', data: { name: 'x', tenantId: 'in data' } },
    { type: 'custom', tenantId: 't', sessionId: 's', runId: 'r', agent: { name: 'a' }, data: { name: 'x' } },
    { type: 'tool_call_started', id: 'own', data: { callId: 'c', tool: { name: 'search' } } },
    { type: 'run_completed', runId: 'r', supersedes: 'e', data: {} },
    { type: 'custom', runId: 'r', parentRunId: 'p', actor: { id: 'user' }, data: { name: '"é\u0000' } },
  ]
  return [...entries, ...events.map(json), ...events.map((event) => sealer.seal(event, false).entry.bytes)]
}
