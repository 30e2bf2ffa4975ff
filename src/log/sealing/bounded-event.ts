import { HAS_RANDOM_ID } from '../../events/random-id.js'
import type { AgentRef, AuditEvent, AuditEventInput } from '../../events/types.js'
import { Alterations } from './alterations.js'
import { BoundedCopy } from './bound.js'
import {
  agentIn,
  completeEnvelope,
  copyAlteration,
  type Draft,
  type EnvelopeCompletion,
  envelopeChecks,
  withholdAuthority,
} from './envelope.js'
import { shrink } from './fit.js'
import { MAX_ENTRY_BYTES } from './plain.js'

/** `type` of an event that came without one, and the `name` of its data. */
const UNTYPED = { type: 'custom', name: 'untyped' } as const

/**
 * Makes an event of anything: valid JSON of at most {@link MAX_ENTRY_BYTES}, which says in `altered` what was changed.
 * Never throws.
 */
export function boundEvent(
  input: unknown,
  completion: EnvelopeCompletion,
  content?: AuditEvent['content'],
): { readonly draft: Draft; readonly text: string } {
  const source = typeof input === 'object' && input !== null ? input : {}
  const altered = new Alterations()
  addGivenAlterations(source, altered)
  const envelope = boundEnvelope(source, altered)
  const data = boundData(source, altered)
  if (envelope.type === 'run_started') envelope.agent ??= startedAgent(source, altered)
  const typed = envelope.type !== undefined
  if (!typed) altered.add('type', 'missing')
  const mark = hasRandomId(source) ? { [HAS_RANDOM_ID]: true } : undefined
  const draft = completeEnvelope({ ...envelope, ...mark, type: envelope.type ?? UNTYPED.type }, completion)
  draft.data = typed ? data : { name: UNTYPED.name, ...data }
  withholdAuthority(draft)
  return fitIntoEntry(draft, altered, content)
}

function hasRandomId(source: object): boolean {
  try {
    return HAS_RANDOM_ID in source
  } catch {
    return false
  }
}

/** The fields of the envelope that can be stored, bounded. */
function boundEnvelope(source: object, altered: Alterations): Partial<AuditEventInput> {
  const copy = new BoundedCopy(altered, 'ids')
  const envelope: Record<string, unknown> = {}
  for (const [field, check] of Object.entries(envelopeChecks)) {
    const value = copy.member(source, field)
    if (value === undefined) continue
    const numericId = typeof value === 'number' && field !== 'time'
    if (numericId) altered.add(field, 'invalid')
    try {
      envelope[field] = check((numericId ? String(value) : value) as never)
    } catch {
      altered.add(field, 'invalid')
    }
  }
  return envelope
}

/** The agent of a start whose envelope names none. */
function startedAgent(source: { readonly data?: object }, altered: Alterations): AgentRef | undefined {
  try {
    const agent = source.data ? agentIn(source.data) : undefined
    return agent && (new BoundedCopy(altered, 'ids').member({ agent }, 'agent') as AgentRef)
  } catch {
    return undefined
  }
}

function boundData(source: object, altered: Alterations): object {
  const data = new BoundedCopy(altered, 'content').member(source, 'data')
  if (typeof data === 'object' && data !== null && !Array.isArray(data)) return data
  altered.add('data', data === undefined ? 'missing' : 'invalid')
  return data === undefined ? {} : { value: data }
}

function addGivenAlterations(source: object, altered: Alterations): void {
  const given = new BoundedCopy(altered, 'ids').member(source, 'altered')
  if (given === undefined) return
  for (const alteration of Array.isArray(given) ? given : [given]) {
    try {
      const { field, reason, originalLength, by } = copyAlteration(alteration)
      altered.add(field, reason, originalLength, by)
    } catch {
      altered.add('altered', 'invalid')
    }
  }
}

function fitIntoEntry(
  draft: Draft,
  altered: Alterations,
  content: AuditEvent['content'],
): { readonly draft: Draft; readonly text: string } {
  for (;;) {
    const alterations = altered.list()
    if (alterations.length > 0) draft.altered = alterations
    if (content) {
      // Behind `altered`, as in every event.
      delete draft.content
      draft.content = content
    }
    const text = JSON.stringify(draft)
    const excess = Buffer.byteLength(text) - MAX_ENTRY_BYTES
    if (excess <= 0) return { draft, text }
    shrink(draft.data as object, excess, altered)
  }
}
