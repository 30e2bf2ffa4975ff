import { isToolType, toolNameOf } from '../events/tool-name.js'
import type { AuditEvent } from '../events/types.js'
import { type RunFacts, runFactsOf } from './runs/run-facts.js'

/** The parts of an event by which engines file its entry. */
export interface FiledEvent
  extends Pick<
    AuditEvent,
    'type' | 'time' | 'recordedAt' | 'tenantId' | 'sessionId' | 'runId' | 'parentRunId' | 'supersedes' | 'agent'
  > {
  /** Its `actor.id`. */
  readonly actorId: string | undefined
  /** The name of its tool, `data.tool.name`, where its type begins with `tool_`. */
  readonly toolName: string | undefined
  /**
   * The same object for events that agree in `tenantId`, `sessionId`, `runId`, `parentRunId`, `agent` and `actorId`, if there
   * is one: an engine need not look up for each of them what it files under these values.
   */
  readonly scope?: object
}

/** The facts that an event tells of its run beside those fields, for engines that keep rows of runs. */
export interface WithRunFacts {
  /** See `runFactsOf`. */
  readonly run: RunFacts | undefined
}

/** An id that the caller of an append chose. Each tenant has ids of its own. */
export interface CallerId {
  readonly tenantId: string
  readonly id: string
}

/** The part of an entry by which it is filed. */
export interface FiledEntry {
  readonly event: FiledEvent & Partial<WithRunFacts>
}

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
export function filedEvent(event: Fields): FiledEvent & CallerId & WithRunFacts {
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
  } as FiledEvent & CallerId & WithRunFacts
}
