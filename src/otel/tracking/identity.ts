import type { ResolvedScope } from './scope.js'

/** Other tenants and sessions of a run that are stated. */
const MAX_CONFLICTS = 16

/** A tenant and a session, as far as they are known or meant. */
export interface TenantAndSession {
  readonly tenantId: string | undefined
  readonly sessionId: string | undefined
}

/**
 * The tenant and the session that all events of one run carry. Each is decided once, by the first name that comes; any other
 * name after that is a conflict, and is reported once.
 */
export class Identity {
  #tenantId: string | undefined
  #sessionId: string
  #sessionDerived: boolean
  /** Other tenants and sessions that were named. `undefined` until there is one. */
  #refused: Set<string> | undefined = undefined

  constructor({ tenantId, sessionId, sessionDerived }: ResolvedScope) {
    this.#tenantId = tenantId
    this.#sessionId = sessionId
    this.#sessionDerived = sessionDerived
  }

  /** Absent while nobody has named one: the attachment or the log fills in its default. */
  get tenantId(): string | undefined {
    return this.#tenantId
  }

  get sessionId(): string {
    return this.#sessionId
  }

  /** The session follows from the trace or the run: a real one may still become known. */
  get sessionDerived(): boolean {
    return this.#sessionDerived
  }

  get isUnnamed(): boolean {
    return this.#tenantId === undefined || this.#sessionDerived
  }

  /** Takes the names that nobody has given before. @returns the identity until then; `undefined` where nothing is new */
  decide({ tenantId, sessionId, sessionDerived }: ResolvedScope): TenantAndSession | undefined {
    const isNewTenant = this.#tenantId === undefined && tenantId !== undefined
    const isNewSession = this.#sessionDerived && !sessionDerived
    if (!isNewTenant && !isNewSession) return undefined
    const previous = { tenantId: this.#tenantId, sessionId: this.#sessionId }
    if (isNewTenant) this.#tenantId = tenantId
    if (isNewSession) {
      this.#sessionId = sessionId
      this.#sessionDerived = false
    }
    return previous
  }

  /** Refuses names that differ from those decided. @returns those that were not refused before, if any */
  refuse({ tenantId, sessionId, sessionDerived }: ResolvedScope): TenantAndSession | undefined {
    const otherTenant = tenantId === this.#tenantId ? undefined : tenantId
    const otherSession = sessionDerived || sessionId === this.#sessionId ? undefined : sessionId
    if (otherTenant === undefined && otherSession === undefined) return undefined
    const conflict = {
      tenantId: this.#unlessRefused('tenant', otherTenant),
      sessionId: this.#unlessRefused('session', otherSession),
    }
    return conflict.tenantId === undefined && conflict.sessionId === undefined ? undefined : conflict
  }

  /** @returns the value, unless it was refused before or too many were */
  #unlessRefused(kind: string, value: string | undefined): string | undefined {
    this.#refused ??= new Set()
    const key = `${kind}:${value}`
    if (value === undefined || this.#refused.has(key) || this.#refused.size >= MAX_CONFLICTS) return undefined
    this.#refused.add(key)
    return value
  }
}
