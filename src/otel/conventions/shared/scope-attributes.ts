import type { Attributes } from '@opentelemetry/api'
import { PARENT_RUN_ID, RUN_ID, SESSION_ID, TENANT_ID, USER_ID } from '../../../record/names.js'
import type { ScopeFacts } from '../contract.js'

/** Standard names by which a span or an event says whose it is; the first that is there counts. */
const TENANT_KEYS = [TENANT_ID, 'microsoft.tenant.id']
const SESSION_KEYS = [SESSION_ID, 'session.id', 'gen_ai.conversation.id']
const RUN_KEYS = [RUN_ID]
const PARENT_RUN_KEYS = [PARENT_RUN_ID]
const USER_KEYS = [USER_ID, 'user.id', 'enduser.id']

/** Tells whether a session is among the attributes: some instrumentations learn of it on the way. */
export function namesSession(attributes: Attributes): boolean {
  return firstText(attributes, SESSION_KEYS) !== undefined
}

export function scopeFromAttributes(attributes: Attributes): ScopeFacts {
  return {
    tenantId: firstText(attributes, TENANT_KEYS),
    sessionId: firstText(attributes, SESSION_KEYS),
    userId: firstText(attributes, USER_KEYS),
    runId: firstText(attributes, RUN_KEYS),
    parentRunId: firstText(attributes, PARENT_RUN_KEYS),
  }
}

function firstText(attributes: Attributes, keys: readonly string[]): string | undefined {
  for (const key of keys) {
    const value = attributes[key]
    if (typeof value === 'string' && value !== '') return value
    if (typeof value === 'number') return String(value)
  }
  return undefined
}
