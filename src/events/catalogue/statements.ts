import * as v from 'valibot'
import { agentSchema, amount, count, digest, name, optional, text, timestampSchema } from './shared-schemas.js'

const openRuns = v.array(v.strictObject({ runId: name, agent: optional(agentSchema), startedAt: timestampSchema }))

/** Statements of a log, and of the processor that feeds it, about themselves. */
export const statementEvents = {
  /**
   * From here on the run belongs to the tenant and the session that this event names: an instrumentation told them late.
   * Once a run, from unknown to named. Earlier events of the run stay as they are, and count as those of its tenant.
   */
  run_identified: v.strictObject({
    /** The tenant and the session under which its earlier events are filed. */
    previous: v.strictObject({ tenantId: optional(name), sessionId: optional(name) }),
  }),
  /** A run that has a tenant or a session was told to belong to another one. It stays where it is. */
  run_identity_conflict: v.strictObject({ tenantId: optional(name), sessionId: optional(name) }),
  audit_attached: v.strictObject({ attachment: name, openRuns }),
  audit_detached: v.strictObject({ attachment: name, openRuns }),
  /** Spans did not come to the processor: the process was not audited as a whole. */
  auditing_impaired: v.strictObject({
    /** Codes of `AuditHealthReason`: `foreign_provider`. */
    reasons: v.array(name),
    /** The number of spans that are missing. */
    spans: optional(count),
    from: timestampSchema,
    to: timestampSchema,
  }),
  /** Recording was switched off for a part of what an attached processor saw. */
  auditing_suppressed: v.strictObject({ spans: count, events: count, from: timestampSchema, to: timestampSchema }),
  /** The system clock moved by more than a second against the monotonic clock. */
  clock_stepped: v.strictObject({
    /** The time that the clock should have told. */
    from: timestampSchema,
    /** The time that it told. */
    to: timestampSchema,
    /** The system says that its clock follows a time server; left out where it does not say. */
    synchronized: optional(v.boolean()),
  }),
  events_dropped: v.strictObject({ count, reason: name, from: timestampSchema, to: timestampSchema }),
  /** Entries before this one were taken over from the journal of a process that died. */
  events_recovered: v.strictObject({
    count,
    /** The number of these events that nothing outside the log's directory attests. */
    unattested: count,
    /** `recordedAt` of the first and of the last of them. */
    from: timestampSchema,
    to: timestampSchema,
  }),
  /** The journal of a log that was closed in order had more than the log wrote: it was kept aside and not taken over. */
  journal_set_aside: v.strictObject({ files: count, bytes: count }),
  /** Entries before this one were recorded by a process that had no log yet, and taken over from its staging journal. */
  staging_adopted: v.strictObject({
    /** Id of the staging journal. */
    staging: name,
    count,
    /** The number of these events that nothing outside the ledger's directory attests. */
    unattested: count,
    /** `recordedAt` of the first and of the last of them. */
    from: timestampSchema,
    to: timestampSchema,
    /** The process that recorded them had ended, or given them up: another one took them over. */
    ownerDied: v.boolean(),
  }),
  /** From the entry of this event on, another key signs the log's checkpoints. */
  signing_key_changed: v.strictObject({
    /** The key before: its vkey, or `name+key id` where no more is known. */
    from: text,
    /** The vkey of the key from now on. */
    to: text,
    /**
     * Signed note of the key before, whose text says so: `spanledger.dev/signing-key-changed`, the origin, the position
     * of this entry and the new vkey, a line each.
     */
    statement: optional(text),
  }),
  /** This log belongs to a ledger. Of several statements of a log the last counts. */
  ledger_joined: v.strictObject({
    /** Origin of the ledger's log 0, whose key is the key of the ledger. */
    ledger: name,
    /** Number of this log in the ledger. */
    log: v.pipe(count, v.minValue(1)),
    /** The vkey of this log. */
    vkey: name,
    /**
     * Signed note of the ledger's key, whose text says so: `spanledger.dev/ledger-log`, the ledger, the number and the
     * vkey, a line each. Left out where that key was not at hand.
     */
    statement: optional(text),
  }),
  /** Sizes and roots of other logs of the ledger, as this log saw them in their checkpoints. */
  siblings_noted: v.strictObject({
    /** The logs that have changed since this log noted them before. */
    logs: v.array(
      v.strictObject({
        /** Number of the log in the ledger. */
        log: count,
        origin: name,
        /** Number of its entries. */
        size: count,
        /** Root hash over them, in base64. */
        root: name,
        /** Signature of the checkpoint by the key of that name, as its line has it: key id and signature, in base64. */
        signature: optional(text),
      }),
    ),
  }),
  /** From here on another policy decides what is recorded. Where a log has no such event, the built-in policy does. */
  audit_policy_applied: v.strictObject({
    policy: name,
    version: optional(text),
    /** SHA-256 of the policy as RFC 8785 writes it. */
    digest,
  }),
  /** The policy left events out since the last event of this type, or since the log was opened. */
  events_left_out: v.strictObject({
    policy: name,
    version: optional(text),
    /** The rules that did, each by its name, or by its position in the policy, from 1 on. */
    rules: v.array(v.strictObject({ rule: name, count })),
    from: timestampSchema,
    to: timestampSchema,
  }),
  /** A redactor took too long three times. From here on nothing runs it, and content that it should have seen is left out. */
  redactor_disabled: v.strictObject({ redactor: name, budgetMs: amount }),
  /** The log was opened though it does not continue what was known of it. */
  audit_log_diverged: v.strictObject({
    reason: name,
    /** Number of entries it should have had at least. */
    expectedSize: optional(count),
    foundSize: count,
    /** Root hash over the entries that were found, in base64. */
    foundRoot: text,
    /** The checkpoint that it does not continue: a signed note. */
    checkpoint: optional(text),
  }),
} as const
