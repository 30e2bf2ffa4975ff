import { fieldsOf, textIn } from '../../events/recorded-fields.js'
import { toolNameOf } from '../../events/tool-name.js'
import type { RecordInput } from '../../log/contract.js'
import type { PolicyMatch, PolicyPattern, PolicyRule } from './policy.js'

/** Fields of an event that rules go by. */
const FIELDS = ['tenantId', 'sessionId', 'agent', 'tool', 'type', 'convention'] as const
type MatchField = (typeof FIELDS)[number]

/** The tenant of an event that names none. */
const DEFAULT_TENANT = 'default'

/** A rule, ready to be asked. */
export interface CompiledRule extends Pick<PolicyRule, 'payload' | 'diagnostics'> {
  /** Its name, or its position, from 1 on. */
  readonly name: string
  readonly fits: (event: RecordInput) => boolean
}

/** Prepares rules, in their order. */
export function compileRules(rules: readonly PolicyRule[]): readonly CompiledRule[] {
  return rules.map(({ name, match = {}, payload, diagnostics }, at) => ({
    name: name ?? String(at + 1),
    payload,
    diagnostics,
    fits: compileMatch(match),
  }))
}

function compileMatch(match: PolicyMatch): CompiledRule['fits'] {
  const conditions = FIELDS.flatMap((field) => {
    const pattern = match[field]
    return pattern === undefined ? [] : [{ read: READ[field], fits: compilePattern(pattern) }]
  })
  return (event) =>
    conditions.every(({ read, fits }) => read(event).some((value) => value !== undefined && fits(value)))
}

function compilePattern(pattern: PolicyPattern): (value: string) => boolean {
  const patterns = typeof pattern === 'string' ? [pattern] : pattern
  const exact = new Set(patterns.filter((each) => !each.endsWith('*')))
  const beginnings = patterns.filter((each) => each.endsWith('*')).map((each) => each.slice(0, -1))
  return (value) => exact.has(value) || beginnings.some((beginning) => value.startsWith(beginning))
}

type Values = readonly (string | undefined)[]

/** Reads a field that rules go by; none of it is trusted. */
const READ: Readonly<Record<MatchField, (event: RecordInput) => Values>> = {
  tenantId: (event) => [textIn(fieldsOf(event), 'tenantId') ?? DEFAULT_TENANT],
  sessionId: (event) => [textIn(fieldsOf(event), 'sessionId')],
  agent: (event) => {
    const agent = fieldsOf(event.agent ?? (event.type === 'run_started' ? fieldsOf(event.data).agent : undefined))
    return [textIn(agent, 'id'), textIn(agent, 'name')]
  },
  tool: (event) => [toolNameOf(event.type, event.data)],
  type: (event) => [textIn(fieldsOf(event), 'type')],
  convention: (event) => [textIn(fieldsOf(event.source), 'convention')],
}
