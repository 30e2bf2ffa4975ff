import type { Attributes } from '@opentelemetry/api'
import type { Fact } from '../contract.js'
import { isStopped, policyViolation } from '../shared/guardrails.js'
import { type Readers, textOf } from './reading.js'

/** Tells what a guardrail says that stopped something; nothing of one that let it pass. */
export function guardrailFacts(read: Readers, attributes: Attributes, name: string): readonly Fact[] {
  const rule = textOf(read.guardrail(attributes)) ?? name
  const action = textOf(read.guardrailAction(attributes))
  if (isStopped(action)) return [policyViolation(rule, String(action))]
  const tripped = isTrue(read.guardrailTriggered(attributes)) || isFalse(read.guardrailPassed(attributes))
  return tripped ? [policyViolation(rule, action ?? 'triggered')] : []
}

function isTrue(value: unknown): boolean {
  return value === true || value === 'true'
}

function isFalse(value: unknown): boolean {
  return value === false || value === 'false'
}
