import type { EventSource } from '../../events/types.js'
import type { Draft } from './envelope.js'

/** What JSON writes as it is: no quote, backslash, control character or surrogate. */
const UNESCAPED = /^[ !#-[\]-\ud7ff\ue000-\uffff]*$/
const MAX_SCOPES = 1024
/** A longer one is not kept. */
const MAX_SCOPE_LENGTH = 512

/** The fields that events of one run mostly share, and their JSON. */
interface Scope extends Pick<Draft, 'tenantId' | 'sessionId'> {
  readonly runId: string | undefined
  readonly parentRunId: string | undefined
  readonly hasAgent: boolean
  readonly agentId: string | undefined
  readonly agentName: string | undefined
  readonly actorId: string | undefined
  readonly text: string
}

/**
 * Writes events as JSON: the same text as `JSON.stringify` gives, in two thirds of its time, as what events of one run
 * and one source share is written once.
 */
export class EventText {
  /** By run, or by session where there is none. */
  readonly #scopes = new Map<string, Scope>()
  #source: EventSource | undefined
  #sourceText = ''

  of(draft: Draft): string {
    const { id, type, time, recordedAt, trace, claimed, source, statementOf, salt, data, altered } = draft
    let text = `{"v":1,"id":${quoted(id)},"type":${quoted(type)},"time":"${time}","recordedAt":"${recordedAt}",`
    text += this.#scopeText(draft)
    if (trace !== undefined) {
      text += `,"trace":{"traceId":${quoted(trace.traceId)},"spanId":${quoted(trace.spanId)}`
      text += trace.parentSpanId === undefined ? '}' : `,"parentSpanId":${quoted(trace.parentSpanId)}}`
    }
    if (claimed !== undefined) text += `,"claimed":${JSON.stringify(claimed)}`
    if (source !== undefined) text += `,"source":${this.#textOfSource(source)}`
    if (statementOf !== undefined) text += `,"statementOf":${quoted(statementOf)}`
    if (salt !== undefined) text += `,"salt":"${salt}"`
    if (data !== undefined) text += `,"data":${JSON.stringify(data)}`
    return altered === undefined ? `${text}}` : `${text},"altered":${JSON.stringify(altered)}}`
  }

  #scopeText({ tenantId, sessionId, runId, parentRunId, agent, actor }: Draft): string {
    const key = runId ?? sessionId
    const known = this.#scopes.get(key)
    if (
      known !== undefined &&
      known.tenantId === tenantId &&
      known.sessionId === sessionId &&
      known.runId === runId &&
      known.parentRunId === parentRunId &&
      known.hasAgent === (agent !== undefined) &&
      known.agentId === agent?.id &&
      known.agentName === agent?.name &&
      known.actorId === actor?.id
    ) {
      return known.text
    }
    const ids = { tenantId, sessionId, runId, parentRunId }
    const text = JSON.stringify({ ...ids, agent, actor }).slice(1, -1)
    if (this.#scopes.size >= MAX_SCOPES) this.#scopes.clear()
    if (text.length <= MAX_SCOPE_LENGTH) {
      const names = { hasAgent: agent !== undefined, agentId: agent?.id, agentName: agent?.name, actorId: actor?.id }
      this.#scopes.set(key, { ...ids, ...names, text })
    }
    return text
  }

  #textOfSource(source: EventSource): string {
    const known = this.#source
    if (
      known === undefined ||
      known.convention !== source.convention ||
      known.scope !== source.scope ||
      known.scopeVersion !== source.scopeVersion ||
      known.service !== source.service ||
      known.confidence !== source.confidence
    ) {
      // A copy: the event's own is in the hands of who recorded it.
      this.#source = { ...source }
      this.#sourceText = JSON.stringify(source)
    }
    return this.#sourceText
  }
}

function quoted(text: string): string {
  return UNESCAPED.test(text) ? `"${text}"` : JSON.stringify(text)
}
