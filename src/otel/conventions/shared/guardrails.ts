import type { Fact } from '../contract.js'

/** Words by which guardrails, and those who act on their verdict, say that something was stopped. */
const STOPPED = /^(?:den(?:y|ied)|block(?:ed)?|reject(?:ed)?|fail(?:ed)?|interrupt(?:ed)?|trip(?:ped)?)$/i

/** Tells whether the verdict of a guardrail, or the action that followed, stopped something. */
export function isStopped(word: string | undefined): boolean {
  return word !== undefined && STOPPED.test(word)
}

export function policyViolation(rule: string, action: string): Fact {
  return { type: 'policy_violation', data: { rule, action } }
}
