import type { Alteration, EventSource } from '../../events/types.js'
import type { Draft } from './envelope.js'

/** Text that JSON writes as it is: no quote, backslash, control character or surrogate. */
const UNESCAPED = /^[ !#-[\]-\ud7ff\ue000-\uffff]*$/
/** JSON escapes lone surrogates, \\ud800 to \\udfff, and no other characters of that row. */
const ESCAPED_SURROGATE = '\\ud'
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
  readonly mayHideSurrogates: boolean
}

/** An event's JSON. It is in parts, since putting them together takes as long as writing them one by one. */
export interface EventParts {
  readonly head: string
  readonly data: string
  readonly rest: string
  /** It holds no lone surrogate, which JSON escapes. */
  readonly isWellFormed: boolean
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
  #sourceHidesSurrogates = false
  /** Some text of the event was written by JSON, which escapes lone surrogates. */
  #mayHideSurrogates = false

  of(draft: Draft): EventParts {
    const { id, type, time, recordedAt, trace, claimed, source, statementOf, salt, data, altered } = draft
    this.#mayHideSurrogates = false
    let head = `{"v":1,"id":${this.#quoted(id)},"type":${this.#quoted(type)},"time":"${time}","recordedAt":"${recordedAt}",`
    head += this.#scopeText(draft)
    if (trace !== undefined) {
      head += `,"trace":{"traceId":${this.#quoted(trace.traceId)},"spanId":${this.#quoted(trace.spanId)}`
      head += trace.parentSpanId === undefined ? '}' : `,"parentSpanId":${this.#quoted(trace.parentSpanId)}}`
    }
    if (claimed !== undefined) head += `,"claimed":${this.#json(claimed)}`
    if (source !== undefined) head += `,"source":${this.#textOfSource(source)}`
    if (statementOf !== undefined) head += `,"statementOf":${this.#quoted(statementOf)}`
    if (salt !== undefined) head += `,"salt":"${salt}"`
    if (data === undefined) return this.#parts(head, '', altered === undefined ? '}' : this.#alteredText(altered))
    const rest = altered === undefined ? '}' : this.#alteredText(altered)
    return this.#parts(`${head},"data":`, JSON.stringify(data), rest)
  }

  #alteredText(altered: readonly Alteration[]): string {
    return `,"altered":${this.#json(altered)}}`
  }

  #parts(head: string, data: string, rest: string): EventParts {
    const isWellFormed =
      !data.includes(ESCAPED_SURROGATE) && !(this.#mayHideSurrogates && `${head}${rest}`.includes(ESCAPED_SURROGATE))
    return { head, data, rest, isWellFormed }
  }

  #quoted(text: string): string {
    return UNESCAPED.test(text) ? `"${text}"` : this.#json(text)
  }

  #json(value: unknown): string {
    this.#mayHideSurrogates = true
    return JSON.stringify(value)
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
      this.#mayHideSurrogates ||= known.mayHideSurrogates
      return known.text
    }
    const ids = { tenantId, sessionId, runId, parentRunId }
    const text = JSON.stringify({ ...ids, agent, actor }).slice(1, -1)
    if (this.#scopes.size >= MAX_SCOPES) this.#scopes.clear()
    const mayHideSurrogates = text.includes(ESCAPED_SURROGATE)
    this.#mayHideSurrogates ||= mayHideSurrogates
    if (text.length <= MAX_SCOPE_LENGTH) {
      const names = { hasAgent: agent !== undefined, agentId: agent?.id, agentName: agent?.name, actorId: actor?.id }
      this.#scopes.set(key, { ...ids, ...names, text, mayHideSurrogates })
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
      this.#sourceHidesSurrogates = this.#sourceText.includes(ESCAPED_SURROGATE)
    }
    this.#mayHideSurrogates ||= this.#sourceHidesSurrogates
    return this.#sourceText
  }
}
