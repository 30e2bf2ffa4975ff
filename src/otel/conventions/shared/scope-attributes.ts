import type { Attributes } from '@opentelemetry/api'
import { PARENT_RUN_ID, RUN_ID, SESSION_ID, TENANT_ID, USER_ID } from '../../../record/names.js'
import type { ScopeIds } from '../contract.js'
import { idIn } from './attributes.js'

/** Standard names by which a span or an event says whose it is; the first that is there counts. */
const TENANT_KEYS = [TENANT_ID, 'microsoft.tenant.id']
const SESSION_KEYS = [SESSION_ID, 'session.id', 'gen_ai.conversation.id']
const RUN_KEYS = [RUN_ID]
const PARENT_RUN_KEYS = [PARENT_RUN_ID]
const USER_KEYS = [USER_ID, 'user.id', 'enduser.id']

/** Tells whether a tenant or a session is among the attributes: some instrumentations learn of it on the way. */
export function namesTenantOrSession(attributes: Attributes): boolean {
  return idIn(attributes, ...SESSION_KEYS) !== undefined || idIn(attributes, ...TENANT_KEYS) !== undefined
}

export function scopeFromAttributes(attributes: Attributes): ScopeIds {
  return {
    tenantId: idIn(attributes, ...TENANT_KEYS),
    sessionId: idIn(attributes, ...SESSION_KEYS),
    userId: idIn(attributes, ...USER_KEYS),
    runId: idIn(attributes, ...RUN_KEYS),
    parentRunId: idIn(attributes, ...PARENT_RUN_KEYS),
  }
}
