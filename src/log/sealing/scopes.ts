import type { AgentRef } from '../../events/types.js'
import type { Draft } from './envelope.js'
import { followedBy, type KnownJson, knownJson } from './json-bytes.js'

const MAX_KNOWN = 1024
/** A scope whose JSON is longer is not kept. */
const MAX_KEPT_BYTES = 512

/** The fields that events of one run mostly share. */
export class Scope {
  readonly tenantId: string
  readonly sessionId: string
  readonly runId: string | undefined
  readonly parentRunId: string | undefined
  /** A copy: that of an event is in its caller's hands. */
  readonly agent: Readonly<AgentRef> | undefined
  readonly actorId: string | undefined
  /** JSON of these fields, without braces. */
  readonly json: KnownJson
  #traceId: string | undefined
  #tracedJson: KnownJson | undefined

  constructor({ tenantId, sessionId, runId, parentRunId, agent, actor }: Draft) {
    this.tenantId = tenantId
    this.sessionId = sessionId
    this.runId = runId
    this.parentRunId = parentRunId
    this.agent = agent && { ...agent }
    this.actorId = actor?.id
    this.json = knownJson(JSON.stringify({ tenantId, sessionId, runId, parentRunId, agent, actor }).slice(1, -1))
  }

  /** Returns {@link json} with the beginning of a trace behind it: up to the value of `spanId`. A run mostly has one trace. */
  jsonInTrace(traceId: string): KnownJson {
    if (this.#tracedJson === undefined || this.#traceId !== traceId) {
      this.#traceId = traceId
      this.#tracedJson = followedBy(this.json, `,"trace":{"traceId":${JSON.stringify(traceId)},"spanId":`)
    }
    return this.#tracedJson
  }
}

/** The scopes of the latest events, so that events of one run share one. */
export class Scopes {
  /** By run, or by session where there is none. */
  readonly #known = new Map<string, Scope>()

  /** Returns the scope of an event: the same one for events that agree in all its fields, while it is kept. */
  of(draft: Draft): Scope {
    const { tenantId, sessionId, runId, parentRunId, agent, actor } = draft
    const key = runId ?? sessionId
    const known = this.#known.get(key)
    if (
      known !== undefined &&
      known.tenantId === tenantId &&
      known.sessionId === sessionId &&
      known.runId === runId &&
      known.parentRunId === parentRunId &&
      (known.agent === undefined) === (agent === undefined) &&
      known.agent?.id === agent?.id &&
      known.agent?.name === agent?.name &&
      known.actorId === actor?.id
    ) {
      return known
    }
    const scope = new Scope(draft)
    if (scope.json.bytes.length > MAX_KEPT_BYTES) return scope
    if (this.#known.size >= MAX_KNOWN) this.#known.clear()
    this.#known.set(key, scope)
    return scope
  }
}
