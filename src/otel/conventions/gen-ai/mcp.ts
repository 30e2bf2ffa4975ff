import type { Attributes } from '@opentelemetry/api'
import type { Ancestors, ScopeIds } from '../contract.js'
import { text } from '../shared/attributes.js'

/*
 * The Model Context Protocol (open-telemetry/semantic-conventions #2083): `mcp.method.name` says what a request is. Only
 * `tools/call` has an operation of the GenAI conventions, which not everybody sets.
 */

export const MCP_METHOD = 'mcp.method.name'
export const MCP_TOOL_CALL = 'tools/call'

/** Sentry's word for a result that is an error, which the conventions say as `error.type`. */
const RESULT_IS_ERROR = 'mcp.tool.result.is_error'

/** Tells whether the tool has answered with an error, whatever the status. */
export function answersError(attributes: Attributes): boolean {
  return attributes[RESULT_IS_ERROR] === true
}

/** The session of the transport is not a conversation: better than none, where no run is around. */
export function transportSession(attributes: Attributes, { run }: Ancestors): ScopeIds | undefined {
  const sessionId = run ? undefined : text(attributes, 'mcp.session.id')
  return sessionId === undefined ? undefined : { sessionId }
}
