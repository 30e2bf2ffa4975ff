import type { HrTime } from '@opentelemetry/api'
import { describe, expect, test } from 'vitest'
import { agentEvents, recorded } from '../../../../test/support/agent-records.js'
import { nextTurn, startRecordingSdk } from '../../../../test/support/audited-sdk.js'
import { withoutPayloads } from '../../../../test/support/without-payloads.js'
import type { LogRecordLike } from '../../log-record.js'
import { AuditLogRecordProcessor } from '../../log-records.js'
import type { AuditSpanProcessor } from '../../processor.js'

const SCOPE = { name: 'com.anthropic.claude_code.events', version: '2.1.332' }

const SESSION = 'session-1'

/** Sends log records as Claude Code makes them: every value is a text, and the name has its prefix in the body. */
function commandLine(audit: AuditSpanProcessor, from: { session?: string; resource?: Record<string, unknown> } = {}) {
  const logs = new AuditLogRecordProcessor(audit)
  let sequence = 0
  return (name: string, attributes: Readonly<Record<string, unknown>> = {}, more: Partial<LogRecordLike> = {}) => {
    sequence++
    const hrTime: HrTime = [1_795_943_466, sequence * 1_000_000]
    const own = { 'session.id': from.session ?? SESSION, 'event.name': name, 'event.sequence': String(sequence) }
    const record = { hrTime, body: `claude_code.${name}`, instrumentationScope: SCOPE, ...more }
    logs.onEmit({ ...record, attributes: { ...own, ...attributes }, resource: { attributes: from.resource ?? {} } })
  }
}

describe('log records', () => {
  test.each([
    ['user_temporary', 'accept', ['tool_approval_requested', 'tool_approval_granted']],
    ['user_permanent', 'accept', ['tool_approval_requested', 'tool_approval_granted']],
    ['user_reject', 'reject', ['tool_approval_requested', 'tool_approval_denied']],
    ['hook', 'reject', ['tool_approval_denied']],
    ['hook', 'accept', ['tool_approval_granted']],
    ['config', 'reject', ['tool_approval_denied']],
    ['config', 'accept', []],
  ])('name who decided on a call: %s, %s', async (source, decision, expected) => {
    const { audit, log } = startRecordingSdk()
    const emit = commandLine(audit)
    emit('user_prompt', { 'prompt.id': 'p' })
    emit('tool_decision', { 'prompt.id': 'p', tool_name: 'Bash', tool_use_id: 't', decision, source })
    const events = await recorded(audit, log)
    const approvals = events.filter(({ type }) => type.startsWith('tool_approval'))
    expect(approvals.map(({ type }) => type)).toEqual(expected)
    for (const { data } of approvals) expect(data).toMatchObject({ by: source, callId: 't', tool: { name: 'Bash' } })
  })

  test('record a denied call as failed, once', async () => {
    const { audit, log } = startRecordingSdk()
    const emit = commandLine(audit)
    const call = { 'prompt.id': 'p', tool_name: 'Bash', tool_use_id: 't' }
    emit('user_prompt', { 'prompt.id': 'p' })
    emit('tool_decision', { ...call, decision: 'reject', source: 'user_reject' })
    emit('tool_result', { ...call, success: 'false' })
    const events = await recorded(audit, log)
    expect(events.filter(({ type }) => type.startsWith('tool_call')).map(({ type }) => type)).toEqual([
      'tool_call_started',
      'tool_call_failed',
    ])
  })

  test('count input with what the cache gave and took, and the cost', async () => {
    const { audit, log } = startRecordingSdk()
    const emit = commandLine(audit)
    const tokens = { input_tokens: '3', output_tokens: '7', cache_read_tokens: '100', cache_creation_tokens: '20' }
    emit('user_prompt', { 'prompt.id': 'p' })
    emit('api_request', { 'prompt.id': 'p', model: 'm', request_id: 'r', cost_usd: '0.5', ...tokens })
    const events = await recorded(audit, log)
    const usage = {
      inputTokens: 123,
      outputTokens: 7,
      totalTokens: 130,
      cachedInputTokens: 100,
      cacheCreationInputTokens: 20,
      costUsd: 0.5,
    }
    expect(events.find(({ type }) => type === 'token_usage_updated')?.data).toMatchObject({ ...usage, model: 'm' })
    expect(events.find(({ type }) => type === 'run_completed')?.data).toMatchObject({ usage })
  })

  test('end a run by the last that was told of it', async () => {
    const { audit, log } = startRecordingSdk()
    const emit = commandLine(audit)
    for (const id of ['answered', 'failed', 'asked', 'stopped']) emit('user_prompt', { 'prompt.id': id })
    emit('api_request', { 'prompt.id': 'answered', request_id: 'a', output_tokens: '1' })
    emit('api_error', { 'prompt.id': 'failed', error: 'overloaded', status_code: '529' })
    emit('api_request', { 'prompt.id': 'asked', request_id: 'b', output_tokens: '1' })
    emit('tool_decision', {
      'prompt.id': 'asked',
      request_id: 'b',
      tool_name: 'Read',
      tool_use_id: 't',
      decision: 'accept',
    })
    emit('tool_decision', {
      'prompt.id': 'stopped',
      tool_name: 'Read',
      tool_use_id: 'u',
      decision: 'reject',
      source: 'user_abort',
    })
    const events = await recorded(audit, log)
    const end = (runId: string) => events.find((event) => event.runId === runId && /^run_(?!started)/.test(event.type))
    expect(end('answered')?.type).toBe('run_completed')
    expect(end('failed')).toMatchObject({ type: 'run_failed', data: { error: { code: '529', message: 'overloaded' } } })
    expect(end('asked')?.type).toBe('run_cancelled')
    expect(end('stopped')).toMatchObject({ type: 'run_cancelled', data: { reason: 'user_abort' } })
  })

  test('take a call that fails, and then succeeds, for no failure', async () => {
    const { audit, log } = startRecordingSdk()
    const emit = commandLine(audit)
    emit('user_prompt', { 'prompt.id': 'p' })
    emit('api_error', { 'prompt.id': 'p', error: 'overloaded', status_code: 529 })
    emit('api_request', { 'prompt.id': 'p', request_id: 'a', output_tokens: '1' })
    const types = (await recorded(audit, log)).map(({ type }) => type)
    expect(types).toContain('run_completed')
    expect(types.filter((type) => type === 'error_occurred')).toHaveLength(1)
  })

  test('count the same sequence of another process of the session', async () => {
    const { audit, log } = startRecordingSdk()
    const emit = commandLine(audit)
    emit('user_prompt', { 'prompt.id': 'p', 'event.sequence': '1' })
    emit('user_prompt', { 'prompt.id': 'q', 'event.sequence': '1' })
    const started = (await recorded(audit, log)).filter(({ type }) => type === 'run_started')
    expect(started.map(({ runId }) => runId)).toEqual(['p', 'q'])
  })

  test('wait for the prompt that they belong to', async () => {
    const { audit, log } = startRecordingSdk()
    const emit = commandLine(audit)
    emit('tool_result', { 'prompt.id': 'p', tool_name: 'Read', tool_use_id: 't', success: 'true' })
    await nextTurn()
    expect(agentEvents(log)).toEqual([])
    emit('user_prompt', { 'prompt.id': 'p' }, { hrTime: [1_795_943_000, 0] })
    await nextTurn()
    expect(agentEvents(log).map(({ type }) => type)).toEqual([
      'run_started',
      'tool_call_started',
      'tool_call_completed',
    ])
    expect(new Set(agentEvents(log).map(({ runId }) => runId))).toEqual(new Set(['p']))
  })

  test('tell of a run whose prompt nobody has heard', async () => {
    const { audit, log } = startRecordingSdk()
    commandLine(audit)('tool_result', { 'prompt.id': 'p', tool_name: 'Read', tool_use_id: 't', success: 'true' })
    await audit.forceFlush()
    expect(agentEvents(log).map(({ type }) => type)).toEqual([
      'run_started',
      'tool_call_started',
      'tool_call_completed',
    ])
  })

  test('belong to the tenant that the process names', async () => {
    const { audit, log } = startRecordingSdk()
    const emit = commandLine(audit, { resource: { 'spanledger.tenant.id': 'acme', 'service.name': 'claude-code' } })
    emit('user_prompt', { 'prompt.id': 'p', 'user.id': 'u' })
    await audit.shutdown()
    for (const event of agentEvents(log)) {
      expect(event).toMatchObject({ tenantId: 'acme', sessionId: SESSION, actor: { id: 'u' } })
      expect(event.source).toMatchObject({ convention: 'claude-code', service: 'claude-code' })
    }
  })

  test('tell of compactions, hooks that block, and changes of the mode', async () => {
    const { audit, log } = startRecordingSdk()
    const emit = commandLine(audit)
    emit('user_prompt', { 'prompt.id': 'p' })
    emit('compaction', { 'prompt.id': 'p', success: 'true', trigger: 'auto', pre_tokens: '900', post_tokens: '200' })
    emit('hook_execution_complete', { 'prompt.id': 'p', hook_name: 'PreToolUse:Bash', num_blocking: '1' })
    emit('permission_mode_changed', { from_mode: 'default', to_mode: 'bypassPermissions', trigger: 'shift_tab' })
    const events = await recorded(audit, log)
    const data = (type: string) => events.filter((event) => event.type === type).map((event) => event.data)
    expect(data('context_compacted')).toEqual([{ droppedTokens: 700, retainedTokens: 200 }])
    expect(data('policy_violation')).toEqual([{ rule: 'PreToolUse:Bash', action: 'blocked' }])
    expect(data('custom')).toContainEqual({
      name: 'claude_code.permission_mode_changed',
      fromMode: 'default',
      toMode: 'bypassPermissions',
      trigger: 'shift_tab',
    })
  })

  test('are known by their scope where the body is gone', async () => {
    const { audit, log } = startRecordingSdk()
    commandLine(audit)('user_prompt', { 'prompt.id': 'p' }, { body: undefined })
    expect((await recorded(audit, log)).map(({ type }) => type)).toContain('run_started')
  })

  test('tell what a call was given: that of a denied one with its decision, else with its result', async () => {
    const { audit, log } = startRecordingSdk()
    const emit = commandLine(audit)
    const call = { 'prompt.id': 'p', tool_name: 'Bash' }
    emit('user_prompt', { 'prompt.id': 'p' })
    const asked = { ...call, tool_use_id: 'a', tool_parameters: '{"bash_command":"ls"}' }
    emit('tool_decision', { ...asked, decision: 'accept', source: 'user_temporary' })
    emit('tool_result', { ...asked, success: 'true', tool_input: '{"command":"ls -a"}' })
    const denied = { ...call, tool_use_id: 'd', tool_parameters: '{"bash_command":"rm"}' }
    emit('tool_decision', { ...denied, decision: 'reject', source: 'user_reject' })
    const events = await recorded(audit, log)
    const given = events.flatMap(({ type, data }) =>
      'arguments' in data ? [[type, (data as { callId?: string }).callId, data.arguments]] : [],
    )
    expect(given).toEqual([
      ['tool_call_completed', 'a', '{"command":"ls -a"}'],
      ['tool_call_started', 'd', '{"bash_command":"rm"}'],
    ])
  })

  test('with hostile values neither throw nor grow', async () => {
    const { audit, log } = startRecordingSdk()
    const emit = commandLine(audit)
    const cyclic: Record<string, unknown> = {}
    cyclic.self = cyclic
    const hostile = ['x'.repeat(1_000_000), Number.NaN, cyclic, null, ['a'], '__proto__', '\u0000\n', -1, '1e999']
    for (const value of hostile) {
      emit('user_prompt', { 'prompt.id': 'p', command_name: value })
      emit('tool_decision', {
        'prompt.id': 'p',
        tool_name: value,
        tool_use_id: value,
        decision: 'reject',
        source: value,
      })
      emit('tool_result', {
        'prompt.id': 'p',
        tool_name: value,
        success: value,
        duration_ms: value,
        tool_parameters: value,
      })
      emit('api_request', {
        'prompt.id': 'p',
        input_tokens: value,
        output_tokens: value,
        cost_usd: value,
        model: value,
      })
      emit('api_error', { 'prompt.id': 'p', status_code: value })
      emit('compaction', { 'prompt.id': value, pre_tokens: value, post_tokens: value })
      emit('plugin_loaded', { 'plugin.name': value, 'session.id': value })
    }
    await audit.shutdown()
    expect(log.events.filter(({ type }) => type === 'run_started').length).toBeGreaterThan(0)
    for (const event of log.events)
      expect(JSON.stringify({ ...event, data: withoutPayloads(event) }).length).toBeLessThan(4000)
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined()
  })
})
