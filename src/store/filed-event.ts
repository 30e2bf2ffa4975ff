import { isToolType, toolNameOf } from '../events/tool-name.js'
import type { CallerId, FiledEvent, RunTelling } from './contract.js'
import { runFactsOf } from './runs/run-facts.js'

/** The fields of an event from which those of a {@link FiledEvent} are taken. */
type Fields = Omit<FiledEvent, 'actorId' | 'toolName' | 'scope'> &
  CallerId & {
    readonly actor?: { readonly id?: unknown } | null | undefined
    readonly trace?: unknown
    readonly statementOf?: unknown
    readonly source?: { readonly confidence?: unknown } | undefined
    readonly data?: unknown
  }

/**
 * Returns the fields by which engines file an event, with its id and what it tells of its run, in an object of their own. The
 * data of an event is looked at only where its type has something of it filed: it may not be parsed yet.
 */
export function filedEvent(event: Fields): FiledEvent & CallerId & RunTelling {
  const { id, type, time, recordedAt, tenantId, sessionId, runId, parentRunId, supersedes, agent, actor } = event
  const actorId = actor?.id
  return {
    id,
    type,
    time,
    recordedAt,
    tenantId,
    sessionId,
    runId,
    parentRunId,
    supersedes,
    agent: agent && { ...agent },
    actorId: typeof actorId === 'string' ? actorId : undefined,
    toolName: isToolType(type) ? toolNameOf(type, event.data) : undefined,
    run: runFactsOf(event),
  } as FiledEvent & CallerId & RunTelling
}
