import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { bareEvent, HOSTILE_TEXTS, SAMPLE_TYPES, sampleEvent } from '../../test/export/samples.js'
import { OCSF_VERSION, toOcsf } from './ocsf.js'

/** `string_t`, `actor!` (required), `evidences[]` (a list), `trace @trace` (of a profile), `integer_t 0,1` (an enumeration) */
type Rule = string
interface Rules {
  readonly atLeastOne: readonly string[]
  readonly attributes: Readonly<Record<string, Rule>>
}
interface ClassRules extends Rules {
  readonly category: number
  readonly profiles: readonly string[]
}
const schema = JSON.parse(readFileSync(new URL('../../test/fixtures/ocsf-1.8.0.json', import.meta.url), 'utf8')) as {
  readonly version: string
  readonly classes: Readonly<Record<string, ClassRules>>
  readonly objects: Readonly<Record<string, Rules>>
}

type Members = Readonly<Record<string, unknown>>

/** What the schema finds wrong with an event. */
function problemsOf(event: Members): string[] {
  const rules = schema.classes[String(event.class_uid)]
  if (!rules) return [`class_uid: ${event.class_uid}`]
  const profiles = (event.metadata as { readonly profiles?: readonly string[] }).profiles ?? []
  const problems = profiles.filter((name) => !rules.profiles.includes(name)).map((name) => `profile ${name}`)
  if (event.category_uid !== rules.category) problems.push(`category_uid: ${event.category_uid}`)
  const { class_uid: _, category_uid: __, ...rest } = event
  return [...problems, ...problemsIn(rest, rules, profiles, '')]
}

function problemsIn(members: Members, rules: Rules, profiles: readonly string[], path: string): string[] {
  const problems: string[] = []
  for (const [name, rule] of Object.entries(rules.attributes)) {
    const [, profile] = / @(\w+)/.exec(rule) ?? []
    const isAsked = rule.includes('!') && (profile === undefined || profiles.includes(profile))
    if (isAsked && members[name] === undefined && !/^(class|category)_uid$/.test(name)) {
      problems.push(`${path}${name} is missing`)
    }
  }
  if (rules.atLeastOne.length > 0 && !rules.atLeastOne.some((name) => members[name] !== undefined)) {
    problems.push(`${path}none of ${rules.atLeastOne}`)
  }
  for (const [name, value] of Object.entries(members)) {
    const rule = rules.attributes[name]
    if (rule === undefined) problems.push(`${path}${name} is not in the schema`)
    else problems.push(...problemsOfValue(value, rule, profiles, `${path}${name}`))
  }
  return problems
}

function problemsOfValue(value: unknown, rule: Rule, profiles: readonly string[], path: string): string[] {
  const [, type = '', list, profile, choices] = /^(\w+)(\[\])?!?(?: @(\w+))?(?: ([\d,]+))?$/.exec(rule) ?? []
  if (profile !== undefined && !profiles.includes(profile)) return [`${path} needs the profile ${profile}`]
  if (list) {
    if (!Array.isArray(value)) return [`${path} is no list`]
    return value.flatMap((item, at) => problemsOfValue(item, type, profiles, `${path}[${at}]`))
  }
  if (choices && !choices.split(',').includes(String(value))) return [`${path}: ${value} is none of ${choices}`]
  const members = schema.objects[type]
  if (members) return problemsIn(value as Members, members, profiles, `${path}.`)
  if (type === 'object') return typeof value === 'object' ? [] : [`${path} is no object`]
  if (type === 'boolean_t') return typeof value === 'boolean' ? [] : [`${path} is no boolean`]
  if (type === 'integer_t' || type === 'long_t') return Number.isSafeInteger(value) ? [] : [`${path} is no integer`]
  return typeof value === 'string' ? [] : [`${path} is no text: ${type}`]
}

/** As it goes over the wire: what is `undefined` is not there. */
function written(event: Parameters<typeof toOcsf>[0]): Members {
  return JSON.parse(JSON.stringify(toOcsf(event)))
}

describe('toOcsf', () => {
  test('keeps to the version whose rules are tested', () => {
    expect(OCSF_VERSION).toBe(schema.version)
  })

  test.each(SAMPLE_TYPES)('gives what the schema accepts for %s', (type) => {
    const source = { convention: 'c', scope: '', confidence: 'claimed' }
    for (const event of [sampleEvent(type), bareEvent(type), sampleEvent(type, { source })]) {
      const ocsf = written(event)
      expect(problemsOf(ocsf)).toEqual([])
      expect(ocsf.type_uid).toBe(Number(ocsf.class_uid) * 100 + Number(ocsf.activity_id))
    }
  })

  test('gives each type the class and the activity of it', () => {
    const classes = SAMPLE_TYPES.map((type) => {
      const { class_uid, activity_name, status_id, severity_id } = toOcsf(sampleEvent(type))
      return `${type} ${class_uid} ${activity_name} ${status_id} ${severity_id}`
    })
    expect(classes).toEqual([
      'run_started 6002 Start 1 1',
      'run_completed 6002 Stop 1 1',
      'run_failed 6002 Stop 2 3',
      'run_cancelled 6002 Stop 99 2',
      'run_suspended 6002 Suspend 1 1',
      'run_interrupted 6002 Stop 2 3',
      'error_occurred 6008 General Error 2 3',
      'token_usage_updated 6003 Inference 1 1',
      'usage_limit_exceeded 6008 General Error 2 3',
      'sub_agent_invoked 6003 Invoke 0 1',
      'agent_handoff 6003 Hand off 1 1',
      'resumed 6002 Resume 1 1',
      'memory_recall 6003 Read 1 1',
      'context_compacted 6003 Update 1 1',
      'tool_call_started 6003 Call 0 1',
      'tool_call_completed 6003 Call 1 1',
      'tool_call_failed 6003 Call 2 2',
      'tool_approval_requested 6003 Approve 0 1',
      'tool_approval_granted 6003 Approve 1 1',
      'tool_approval_denied 6003 Approve 2 2',
      'policy_violation 2004 Create 1 3',
      'policy_decision 6003 Decide 1 1',
      'guardrail_evaluated 6003 Evaluate 1 1',
      'memory_written 6003 Update 1 1',
      'memory_deleted 6003 Delete 1 2',
      'intervention 6003 Intervene 1 3',
      'audit_attached 6002 Enable 1 1',
      'audit_detached 6002 Disable 1 2',
      'events_dropped 6008 General Error 2 4',
      'signing_key_changed 6002 Update 1 1',
      'audit_log_diverged 2004 Create 1 4',
      'custom 0 Other 0 1',
      'of_a_newer_version 0 Other 0 1',
    ])
  })

  test('says who called what, and what was decided', () => {
    expect(toOcsf(sampleEvent('tool_approval_denied'))).toMatchObject({
      actor: { app_name: 'planner', app_uid: 'a-1', user: { uid: 'u-1' }, session: { uid: 's-1' } },
      api: { operation: 'search', request: { uid: 'c-1' } },
      src_endpoint: { svc_name: 'shop' },
      trace: { uid: '0af7651916cd43dd8448eb211c80319c' },
      action_id: 2,
      disposition_id: 2,
      status_detail: 'too costly',
      metadata: { profiles: ['trace', 'security_control'] },
    })
    expect(toOcsf(sampleEvent('token_usage_updated'))).toMatchObject({
      ai_model: { name: 'm-1', ai_provider: 'p' },
      message_context: { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 },
    })
    expect(toOcsf(sampleEvent('run_failed'))).toMatchObject({ status_code: 'Timeout', status_detail: 'no answer' })
    expect(toOcsf(sampleEvent('audit_detached')).app).toEqual({ name: 'Spanledger', vendor_name: 'Spanledger' })
  })

  test('names the one who decided as the actor of a decision, and the user of the run elsewhere', () => {
    const actorOf = (type: string, data?: object) => toOcsf(sampleEvent(type, data && { data })).actor
    const by = (decider?: string) => ({ callId: 'c-1', tool: { name: 't' }, by: 'x', decider })
    expect(actorOf('tool_call_started')).toMatchObject({ app_name: 'planner', user: { uid: 'ada' } })
    expect(actorOf('tool_approval_granted', by('person'))).toMatchObject({ user: { uid: 'x' } })
    expect(actorOf('tool_approval_granted', by('rule'))).toEqual({ app_name: 'x', session: { uid: 's-1' } })
    expect(actorOf('tool_approval_requested', by())).toMatchObject({ user: { uid: 'ada' } })
  })

  test('says what a policy decided where its verdict says so', () => {
    const of = (verdict: string) => toOcsf(sampleEvent('policy_decision', { data: { policy: 'p', verdict } })).action_id
    expect(['allow', 'deny', 'flag'].map(of)).toEqual([1, 2, undefined])
  })

  test('loses nothing of an event', () => {
    const altered = [{ field: 'data.name', reason: 'truncated' }]
    const event = sampleEvent('custom', { parentRunId: 'r-0', altered })
    const { time, metadata, unmapped } = toOcsf(event)
    expect(time).toBe(Date.parse('2026-11-21T22:35:06.753Z'))
    const {
      uid: id,
      event_code: type,
      original_time,
      tenant_uid: tenantId,
      correlation_uid: runId,
      sequence,
    } = metadata
    const restored = { ...unmapped, id, type, time: original_time, tenantId, runId, seq: sequence }
    expect({ ...restored, recordedAt: event.recordedAt }).toEqual(event)
    expect(metadata.logged_time).toBe(Date.parse(event.recordedAt))
  })

  test('is not confused by what somebody said', () => {
    for (const text of HOSTILE_TEXTS) {
      const data = { tool: { name: text }, callId: text, error: { code: text, message: text }, model: text }
      const event = sampleEvent('tool_call_failed', { data, runId: text, sessionId: text, agent: { name: text } })
      expect(problemsOf(written(event))).toEqual([])
      expect(written(event)).toMatchObject({ api: { operation: text }, metadata: { correlation_uid: text } })
    }
  })
})
