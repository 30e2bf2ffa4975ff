import type { AuditEvent, AuditEventInput, AuditLogReader, RunStatus, RunTree, StoredEvent } from 'spanledger'

// Compiled, never run: what a query asks for narrows what it finds.

export async function narrowsToTheTypesAskedFor(log: AuditLogReader): Promise<void> {
  for await (const event of log.events({ type: 'run_failed', since: new Date(), order: 'desc', limit: 10 })) {
    const code: string = event.data.error.code
    const position: number = event.seq
    // @ts-expect-error a failed run has no finish reason
    void [code, position, event.data.finishReason]
  }
  for (const event of await log.events({ type: ['tool_call_completed', 'agent_handoff'] }).toArray()) {
    if (event.type === 'agent_handoff') void (event.data.to satisfies string)
    else void (event.data.callId satisfies string)
  }
}

export async function tellsStepsApart(log: AuditLogReader): Promise<void> {
  const run = log.run('r-1')
  void ((await run)?.status satisfies RunStatus | undefined)
  void (run satisfies Promise<RunTree | undefined>)
  for await (const step of run.steps({ order: 'desc', limit: 10 })) {
    if (step.kind === 'tool_call') void (step.call.name satisfies string)
    else if (step.kind === 'handoff') void (step.event.data.to satisfies string)
    else if (step.kind === 'approval') void (step.event.data.callId satisfies string)
    // @ts-expect-error the call of a tool is no single event
    if (step.kind === 'tool_call') void step.event
    void (step.seq satisfies number)
  }
  // @ts-expect-error a run has no steps of a type
  run.steps({ type: 'agent_handoff' })
}

export async function unionOfAllTypesWithoutOne(log: AuditLogReader): Promise<StoredEvent[]> {
  return await log.events({ sessionId: 's-1' }).toArray()
}

export function rejectsUnknownFields(log: AuditLogReader): void {
  // @ts-expect-error sessionID is no field of a query
  log.events({ sessionID: 's-1' })
  // @ts-expect-error nor is an order by name
  log.events({ order: 'newest' })
  // @ts-expect-error a filter that is undefined would fall away silently
  log.events({ sessionId: undefined })
}

export function discriminates(event: AuditEvent): string {
  return event.type === 'run_failed' ? event.data.error.code : event.type
}

export const inputNeedsNoEnvelope: AuditEventInput = { type: 'agent_handoff', data: { to: 'writer' } }
// @ts-expect-error a hand-off says to whom
export const inputNeedsItsData: AuditEventInput = { type: 'agent_handoff', data: {} }
