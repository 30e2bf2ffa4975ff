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
    return pattern === undefined ? [] : [{ test: TEST[field], fits: compilePattern(pattern) }]
  })
  return (event) => {
    // Each event asks each rule: no closure and no list is made here.
    for (const { test, fits } of conditions) if (!test(event, fits)) return false
    return true
  }
}

function compilePattern(pattern: PolicyPattern): Fits {
  const patterns = typeof pattern === 'string' ? [pattern] : pattern
  const exact = new Set(patterns.filter((each) => !each.endsWith('*')))
  const beginnings = patterns.filter((each) => each.endsWith('*')).map((each) => each.slice(0, -1))
  return (value) => exact.has(value) || beginnings.some((beginning) => value.startsWith(beginning))
}

type Fits = (value: string) => boolean

function fitsText(value: string | undefined, fits: Fits): boolean {
  return value !== undefined && fits(value)
}

/** Asks of a field that rules go by; none of it is trusted. */
const TEST: Readonly<Record<MatchField, (event: RecordInput, fits: Fits) => boolean>> = {
  tenantId: (event, fits) => fits(textIn(fieldsOf(event), 'tenantId') ?? DEFAULT_TENANT),
  sessionId: (event, fits) => fitsText(textIn(fieldsOf(event), 'sessionId'), fits),
  agent: (event, fits) => {
    const agent = fieldsOf(event.agent ?? (event.type === 'run_started' ? fieldsOf(event.data).agent : undefined))
    return fitsText(textIn(agent, 'id'), fits) || fitsText(textIn(agent, 'name'), fits)
  },
  tool: (event, fits) => fitsText(toolNameOf(event.type, event.data), fits),
  type: (event, fits) => fitsText(textIn(fieldsOf(event), 'type'), fits),
  convention: (event, fits) => fitsText(textIn(fieldsOf(event.source), 'convention'), fits),
}
