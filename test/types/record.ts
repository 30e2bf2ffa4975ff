import {
  type AuditEventData,
  type AuditEventTypes,
  type RecordingLibrary,
  recordAgentHandoff,
  recordCustom,
  recordErrorOccurred,
  recordEvent,
  recordRunCompleted,
  recordTokenUsageUpdated,
  recordToolCallStarted,
  withRun,
  withScope,
} from 'spanledger/record'

// What has to be there has to be there, and of its kind.
recordAgentHandoff({ to: 'b' }, { runId: 'r', time: [1, 2] })
// @ts-expect-error: `to` is required
recordAgentHandoff({ from: 'a' })
// @ts-expect-error: there is no such field
recordAgentHandoff({ to: 'b', form: 'a' })
// @ts-expect-error: the call needs an id
recordToolCallStarted({ tool: { name: 't' } })

// A library names these without `spanledger` itself.
const handoff: AuditEventData<'agent_handoff'> = { to: 'b' } satisfies AuditEventTypes['agent_handoff']
recordAgentHandoff(handoff)

// What follows from the rest may be left out.
recordTokenUsageUpdated({ inputTokens: 1, outputTokens: 2 })
recordRunCompleted()
recordCustom('name')

// Anything can be thrown.
recordErrorOccurred(undefined, { operation: 'chat' })
// @ts-expect-error: what failed has to be said
recordErrorOccurred(new Error('no'), {})

recordEvent('agent_handoff', { to: 'b' })
// @ts-expect-error: no such type
recordEvent('agent_dreamed', {})

// Wrappers return what the function returns.
withRun({ agentName: 'a' }, () => 42) satisfies number
withRun({}, async (run) => run.runId) satisfies Promise<string>
withScope({ tenantId: 't' }, () => 'x', { propagate: true }) satisfies string

// A run has options, and a function that runs in it.
// @ts-expect-error: no function
withRun({ agentName: 'a' })
// @ts-expect-error: no function, and a text in place of options
withRun('a')
// @ts-expect-error: a text in place of options
withRun('a', () => {})

// A library says that it is the one which records.
const library: RecordingLibrary = { name: 'my-lib', version: '1.2.0' }
recordAgentHandoff({ to: 'b' }, { library })
withRun({ library }, () => {})
// @ts-expect-error: a library has a name
recordAgentHandoff({ to: 'b' }, { library: { version: '1' } })
