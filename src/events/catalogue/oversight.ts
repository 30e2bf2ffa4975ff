import * as v from 'valibot'
import { decision, digest, name, optional, text } from './shared-schemas.js'

/** Decisions about what an agent may do: of policies and guardrails. */
export const policyEvents = {
  policy_violation: v.strictObject({ rule: name, action: text }),
  /** A policy was asked. A decision not to act is one as well. */
  policy_decision: v.strictObject({
    policy: name,
    version: optional(text),
    /** The rule of the policy that decided. */
    rule: optional(text),
    /** Such as `allow`, `deny`, `require_approval`, `flag`. */
    verdict: name,
    /** The action that followed. */
    action: optional(text),
    /** The tool, agent or resource that it was about. */
    target: optional(text),
    ...decision,
  }),
  /** A guardrail has looked at an input, an output or a call. What it broke is a `policy_violation` besides. */
  guardrail_evaluated: v.strictObject({
    guardrail: name,
    /** Such as `input`, `output`, `tool`. */
    stage: optional(text),
    /** Such as `pass`, `fail`. */
    verdict: name,
    action: optional(text),
    target: optional(text),
    subjectDigest: optional(digest),
  }),
} as const

/** Acts of somebody outside the agent. */
export const interventionEvents = {
  /** Somebody outside the agent stepped in: a kill switch, an override. */
  intervention: v.strictObject({
    /** Such as `kill_switch`, `override`, `pause`. */
    kind: name,
    target: optional(text),
    ...decision,
  }),
} as const
