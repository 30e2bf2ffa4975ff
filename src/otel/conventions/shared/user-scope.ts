import type { ScopeIds } from '../contract.js'
import { idIn } from './attributes.js'

const TENANT_NAMES = ['tenantId', 'tenant_id', 'tenant']
const SESSION_NAMES = [
  'sessionId',
  'session_id',
  'session.id',
  'threadId',
  'thread_id',
  'conversationId',
  'conversation_id',
  'chatId',
]
const USER_NAMES = ['userId', 'user_id', 'user.id']

/** Whose a run is, by what its caller handed to the framework for telemetry, under the names people use. */
export function scopeByNames(read: (name: string) => unknown): ScopeIds {
  const first = (names: readonly string[]): string | undefined => {
    for (const name of names) {
      const value = idIn({ id: read(name) }, 'id')
      if (value !== undefined) return value
    }
    return undefined
  }
  return { tenantId: first(TENANT_NAMES), sessionId: first(SESSION_NAMES), userId: first(USER_NAMES) }
}
