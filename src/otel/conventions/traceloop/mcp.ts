import type { Activity, Ancestors, Convention, Fact } from '../contract.js'
import { text } from '../shared/attributes.js'
import { errorOf, hasErrorStatus } from '../shared/outcome.js'
import { scopeFromTraceloop } from './traceloop.js'

/*
 * The Model Context Protocol through Traceloop: `mcp.client.session`, below it `{tool}.tool` for the calls of tools and
 * `{method}.mcp` for all else. The session hangs where it was opened, so what is below it belongs to the span that is
 * active when it starts: that of the agent which uses the session.
 */

const TOOL_SUFFIX = '.tool'
const METHOD_SUFFIX = '.mcp'

/** MCP clients through `@traceloop/instrumentation-mcp`. */
export const traceloopMcpConvention: Convention = {
  name: 'traceloop-mcp',
  instrumentationScopes: ['@traceloop/instrumentation-mcp'],
  parentage: 'active',

  recognise(span, _phase, ancestors): Activity {
    const scope = {
      ...scopeFromTraceloop(span.attributes),
      ...transportSession(ancestors, text(span.attributes, 'mcp.session.id')),
    }
    if (!span.name.endsWith(TOOL_SUFFIX)) return { kind: 'step', scope }
    return { kind: 'tool', tool: { name: span.name.slice(0, -TOOL_SUFFIX.length) }, scope }
  },

  conclude(span, activity) {
    if (activity.kind !== 'step' || !hasErrorStatus(span) || !span.name.endsWith(METHOD_SUFFIX)) return {}
    const operation = span.name.slice(0, -METHOD_SUFFIX.length)
    const failed: Fact = { type: 'error_occurred', data: { error: errorOf(span), operation } }
    return { facts: [failed] }
  },
}

/** Of the transport, not of a conversation: better than none. */
function transportSession({ run }: Ancestors, sessionId: string | undefined): { sessionId?: string } {
  return run || sessionId === undefined ? {} : { sessionId }
}
