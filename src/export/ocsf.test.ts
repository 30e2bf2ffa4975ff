import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { bareEvent, HOSTILE_TEXTS, SAMPLE_TYPES, sampleEvent } from '../../test/export/samples.js'
import { OCSF_VERSIONS, type OcsfVersion } from './contract.js'
import { OCSF_VERSION, type OcsfOptions, toOcsf } from './ocsf.js'

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
interface Schema {
  readonly version: string
  readonly classes: Readonly<Record<string, ClassRules>>
  readonly objects: Readonly<Record<string, Rules>>
}

function schemaOf(version: OcsfVersion): Schema {
  const file = new URL(`../../test/fixtures/ocsf-${version}.json`, import.meta.url)
  return JSON.parse(readFileSync(file, 'utf8')) as Schema
}
const schemas = { '1.8.0': schemaOf('1.8.0'), '1.9.0': schemaOf('1.9.0') }

type Members = Readonly<Record<string, unknown>>

/** Returns what the schema of the version that an event names finds wrong with it. */
function problemsOf(event: Members): string[] {
  const schema = schemas[(event.metadata as { readonly version: OcsfVersion }).version]
  const rules = schema.classes[String(event.class_uid)]
  if (!rules) return [`class_uid: ${event.class_uid}`]
  const profiles = (event.metadata as { readonly profiles?: readonly string[] }).profiles ?? []
  const problems = profiles.filter((name) => !rules.profiles.includes(name)).map((name) => `profile ${name}`)
  if (event.category_uid !== rules.category) problems.push(`category_uid: ${event.category_uid}`)
  const { class_uid: _, category_uid: __, ...rest } = event
  return [...problems, ...problemsIn(rest, rules, { schema, profiles }, '')]
}

/** The schema and the profiles that an event keeps to. */
interface Kept {
  readonly schema: Schema
  readonly profiles: readonly string[]
}

function problemsIn(members: Members, rules: Rules, kept: Kept, path: string): string[] {
  const { profiles } = kept
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
    else problems.push(...problemsOfValue(value, rule, kept, `${path}${name}`))
  }
  return problems
}

function problemsOfValue(value: unknown, rule: Rule, kept: Kept, path: string): string[] {
  const { schema, profiles } = kept
  const [, type = '', list, profile, choices] = /^(\w+)(\[\])?!?(?: @(\w+))?(?: ([\d,]+))?$/.exec(rule) ?? []
  if (profile !== undefined && !profiles.includes(profile)) return [`${path} needs the profile ${profile}`]
  if (list) {
    if (!Array.isArray(value)) return [`${path} is no list`]
    return value.flatMap((item, at) => problemsOfValue(item, type, kept, `${path}[${at}]`))
  }
  if (choices && !choices.split(',').includes(String(value))) return [`${path}: ${value} is none of ${choices}`]
  const members = schema.objects[type]
  if (members) return problemsIn(value as Members, members, kept, `${path}.`)
  if (type === 'object') return typeof value === 'object' ? [] : [`${path} is no object`]
  if (type === 'boolean_t') return typeof value === 'boolean' ? [] : [`${path} is no boolean`]
  if (type === 'integer_t' || type === 'long_t') return Number.isSafeInteger(value) ? [] : [`${path} is no integer`]
  return typeof value === 'string' ? [] : [`${path} is no text: ${type}`]
}

/** As it goes over the wire: what is `undefined` is not there. */
function written(...given: Parameters<typeof toOcsf>): Members {
  return JSON.parse(JSON.stringify(toOcsf(...given)))
}

/** All that an export of the version has at hand. */
function optionsOf(version: OcsfVersion): OcsfOptions {
  return { version, entry: Buffer.from('{}'), origin: 'log.example' }
}

describe('toOcsf', () => {
  test('keeps to the version whose rules are tested', () => {
    expect(OCSF_VERSION).toBe('1.8.0')
    expect(OCSF_VERSIONS.map((version) => schemas[version].version)).toEqual(OCSF_VERSIONS)
  })

  const cases = OCSF_VERSIONS.flatMap((version) => SAMPLE_TYPES.map((type) => ({ version, type })))
  test.each(cases)('gives what the schema $version accepts for $type', ({ version, type }) => {
    const source = { convention: 'c', scope: '', confidence: 'claimed' }
    for (const event of [sampleEvent(type), bareEvent(type), sampleEvent(type, { source })]) {
      const ocsf = written(event, optionsOf(version))
      expect(ocsf.metadata).toMatchObject({ version })
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
      'ledger_joined 6002 Ledger Joined 1 1',
      'siblings_noted 6002 Siblings Noted 1 1',
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
      expect(problemsOf(written(event, { version: '1.9.0', origin: text }))).toEqual([])
      expect(written(event)).toMatchObject({ api: { operation: text }, metadata: { correlation_uid: text } })
    }
  })
})

describe('toOcsf of version 1.9.0', () => {
  const agentOf = (type: string, overrides = {}) => toOcsf(sampleEvent(type, overrides), { version: '1.9.0' }).ai_agent

  test('tells of the agent, its run, its version and its model in an object of their own', () => {
    const data = { agent: { name: 'planner' }, agentVersion: '1.4.2', model: 'm-1' }
    expect(toOcsf(sampleEvent('run_started', { data }), { version: '1.9.0' })).toMatchObject({
      ai_agent: {
        uid: 'a-1',
        name: 'planner',
        instance_uid: 'r-1',
        version: '1.4.2',
        ai_model: { name: 'm-1', ai_provider: 'unknown' },
      },
      metadata: { version: '1.9.0', profiles: ['ai_operation'] },
    })
    const call = toOcsf(sampleEvent('token_usage_updated'), { version: '1.9.0' })
    expect(call.ai_agent).toMatchObject({ ai_model: { name: 'm-1', ai_provider: 'p' } })
    expect(call.ai_model).toBeUndefined()
    expect(toOcsf(sampleEvent('tool_call_started'), { version: '1.9.0' }).actor).toEqual({
      app_name: 'shop',
      user: { uid: 'ada' },
      session: { uid: 's-1' },
    })
  })

  test('a call of a model by no agent names the model itself', () => {
    const data = { model: 'm-1', inputTokens: 1, outputTokens: 1, totalTokens: 2 }
    const call = toOcsf({ ...bareEvent('token_usage_updated'), data } as never, { version: '1.9.0' })
    expect(call).toMatchObject({ ai_model: { name: 'm-1' } })
    expect(call.ai_agent).toBeUndefined()
  })

  test('what somebody else decided or checked is not what the agent did', () => {
    const others = ['tool_approval_granted', 'tool_approval_denied', 'policy_decision', 'intervention']
    for (const type of [...others, 'guardrail_evaluated', 'audit_attached']) expect(agentOf(type)).toBeUndefined()
    expect(agentOf('tool_approval_requested')).toMatchObject({ uid: 'a-1' })
    expect(agentOf('memory_written', { agent: {} })).toBeUndefined()
  })

  test('attests the leaf hash of the entry, and of no other version', () => {
    const entry = Buffer.from('{"v":1}')
    const attested = toOcsf(sampleEvent('custom'), { version: '1.9.0', entry, origin: 'log.example' })
    const value = createHash('sha256').update(Buffer.of(0)).update(entry).digest('hex')
    expect(attested.attestation_list).toEqual([
      {
        uid: '7',
        chain_uid: 'log.example',
        fingerprint: expect.objectContaining({ algorithm_id: 3, encoding_id: 1, value }),
      },
    ])
    expect(attested.metadata.profiles).toEqual(['record_integrity'])
    expect(JSON.stringify(toOcsf(sampleEvent('custom'), { version: '1.9.0', entry }))).not.toContain('chain_uid')
    for (const other of [
      toOcsf(sampleEvent('custom'), { entry }),
      toOcsf(sampleEvent('custom'), { version: '1.9.0' }),
    ]) {
      expect(other.attestation_list).toBeUndefined()
      expect(other.metadata.profiles).toBeUndefined()
    }
  })

  test('differs from 1.8.0 in nothing else', () => {
    for (const type of SAMPLE_TYPES) {
      const {
        ai_agent: _a,
        ai_model: _m,
        actor: _c,
        metadata: newer,
        ...rest
      } = toOcsf(sampleEvent(type), optionsOf('1.9.0'))
      const { attestation_list: _l, ...same } = rest
      const { ai_model: _n, actor: _d, metadata: older, ...before } = toOcsf(sampleEvent(type))
      expect(same).toEqual(before)
      expect({ ...newer, version: '', profiles: [] }).toEqual({ ...older, version: '', profiles: [] })
    }
  })
})
