import * as v from 'valibot'
import { parseTimestamp } from '../time.js'

/* Schemas that event types of several themes share. */

export const text = v.string()
/** A text that is not empty. */
export const name = v.pipe(v.string(), v.minLength(1))
/** A whole number from 0 up. */
export const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0))
/** A finite number from 0 up. */
export const amount = v.pipe(v.number(), v.finite(), v.minValue(0))
/** A field that may be left out. */
export const optional = <S extends v.GenericSchema>(schema: S) => v.optional(schema)

/*
 * Content: what comes from outside as free text or as a value. It is no part of an entry: the log takes it out of the event, keeps
 * it apart, and leaves a digest. `content-fields.ts` finds these fields by their metadata.
 */

/** Free text about what happened or why: error messages, stack traces, reasons. */
export const diagnostic = v.pipe(v.string(), v.metadata({ content: 'diagnostic' }))
/** A value that an agent works with: arguments and results of tools, prompts, completions. Any JSON value. */
export const payload = v.pipe(v.unknown(), v.metadata({ content: 'payload' }))

/** RFC 3339; sealing normalises it to UTC with nine fraction digits. */
export const timestampSchema = v.pipe(
  v.string(),
  v.check((value) => parseTimestamp(value) !== undefined, 'Expected an RFC 3339 time such as 2026-11-21T22:35:06.753Z'),
  v.metadata({ format: 'date-time' }),
)

/** An error: its code, its message and where it was thrown. */
export const error = v.strictObject({
  code: name,
  message: optional(diagnostic),
  stackTrace: optional(diagnostic),
})
/** A tool. */
export const tool = v.strictObject({ name, type: optional(text) })
/** An agent, by id, name or both. */
export const agentSchema = v.strictObject({ id: optional(name), name: optional(name) })

/**
 * Digest of content that is not recorded: algorithm and lower-case hexadecimal digits, such as `sha256:` and 64 of them. Equal
 * digests of one algorithm and key mean equal content.
 */
export const digest = v.pipe(text, v.regex(/^[a-z][\da-z-]*:(?:[\da-f]{2}){16,64}$/))

/** The kinds of deciders: a person, a rule that somebody wrote, the software by itself. */
const DECIDERS = ['person', 'rule', 'automatic'] as const

/** The fields of a decision, as far as they are known. */
export const decision = {
  decider: optional(v.picklist(DECIDERS)),
  /** The person or the rule. */
  by: optional(text),
  reason: optional(diagnostic),
  /** Digest of what was decided on, such as the arguments of a call. */
  subjectDigest: optional(digest),
  /** A value that is good for one decision, so that nobody can use the decision again. */
  nonce: optional(name),
}
