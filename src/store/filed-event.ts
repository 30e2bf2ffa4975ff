import { toolNameOf } from '../events/tool-name.js'
import type { CallerId, FiledEvent } from './contract.js'

/** The fields of an event from which those of a {@link FiledEvent} are taken. */
type Fields = Omit<FiledEvent, 'actorId' | 'toolName'> &
  CallerId & { readonly actor?: { readonly id?: unknown } | null | undefined; readonly data?: unknown }

/** Returns the fields by which engines file an event, with its id, in an object of their own. */
export function filedEvent(event: Fields): FiledEvent & CallerId {
  const { id, type, time, recordedAt, tenantId, sessionId, runId, parentRunId, agent, actor, data } = event
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
    agent: agent && { ...agent },
    actorId: typeof actorId === 'string' ? actorId : undefined,
    toolName: toolNameOf(type, data),
  } as FiledEvent & CallerId
}
