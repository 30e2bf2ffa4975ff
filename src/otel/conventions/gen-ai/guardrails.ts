import type { Attributes } from '@opentelemetry/api'
import type { SpanLike } from '../../span.js'
import type { Fact } from '../contract.js'
import { text } from '../shared/attributes.js'
import { isStopped, policyViolation } from '../shared/guardrails.js'

/*
 * Guardrails, a draft (open-telemetry/semantic-conventions-genai #427, before it #262 and semantic-conventions #3233): a
 * span `run_guardrail` with a verdict and, where it is known, the action that the caller took. The names have moved from
 * `gen_ai.security.*` to `gen_ai.guardrail.*`; both are read. What was checked is never read.
 */

export const GUARDRAIL_OPERATIONS: ReadonlySet<string> = new Set(['run_guardrail', 'apply_guardrail'])

export const GUARDRAIL_EVENT_PREFIXES = ['gen_ai.security.', 'gen_ai.guardrail.']

const VERDICT = ['gen_ai.guardrail.verdict.type', 'gen_ai.security.verdict.type', 'gen_ai.security.decision.type']
const ACTION = ['gen_ai.guardrail.action.type', 'gen_ai.security.action.type']
const NAME = [
  'gen_ai.guardrail.component.name',
  'gen_ai.security.guardrail.name',
  'gen_ai.security.guardrail.id',
  'gen_ai.guardian.name',
  'gen_ai.guardian.id',
]
const STAGE = ['gen_ai.guardrail.target.type', 'gen_ai.security.target.type']
const TARGET = [
  'gen_ai.guardrail.target.id',
  'gen_ai.security.target.id',
  'gen_ai.guardrail.target.subtype',
  'gen_ai.security.target.subtype',
]
const POLICY = ['gen_ai.guardrail.security.policy.id', 'gen_ai.security.policy.id']
const RULE = ['gen_ai.guardrail.security.policy.rule.id', 'gen_ai.security.policy.rule.id']
const RISK = [
  'gen_ai.guardrail.security.risk.category',
  'gen_ai.security.risk.finding',
  'gen_ai.security.risk.category',
]

/** Tells what a guardrail said, and the violation where it stopped something: the action counts, else the verdict. */
export function guardrailFacts({ name, attributes }: SpanLike): readonly Fact[] {
  const verdict = text(attributes, ...VERDICT)
  const action = text(attributes, ...ACTION)
  if (verdict === undefined && action === undefined) return []
  const guardrail = text(attributes, ...NAME) ?? name.replace(/^\w+_guardrail /, '')
  const evaluated: Fact = {
    type: 'guardrail_evaluated',
    data: {
      guardrail,
      stage: text(attributes, ...STAGE),
      verdict: verdict ?? String(action),
      action,
      target: text(attributes, ...TARGET),
    },
  }
  const stopped = action ?? verdict
  if (stopped === undefined || !isStopped(stopped)) return [evaluated]
  return [evaluated, policyViolation(text(attributes, ...RULE, ...POLICY) ?? guardrail, stopped)]
}

/** A finding tells more of what a guardrail span tells: it is no violation of its own. */
export function findingFact(name: string, attributes: Attributes): Fact {
  return {
    type: 'custom',
    data: {
      name,
      policy: text(attributes, ...POLICY),
      rule: text(attributes, ...RULE),
      risk: text(attributes, ...RISK),
      verdict: text(attributes, ...VERDICT),
      action: text(attributes, ...ACTION),
    },
  }
}
