import * as v from 'valibot'
import type { AuditLogError } from '../../events/errors.js'
import { nearestName } from '../../events/nearest.js'
import { rejectContradictions } from './contradictions.js'
import { invalid, named } from './invalid.js'
import type { AuditPolicy } from './policy.js'

/** Rules of one policy. */
const MAX_RULES = 1_000
/** UTF-16 code units of a name, and of a text that is matched. */
const MAX_LENGTH = 1_024
/** Texts of one pattern. */
const MAX_PATTERNS = 1_000

const text = v.pipe(
  v.string(),
  v.minLength(1),
  v.maxLength(MAX_LENGTH),
  v.check((value) => value.isWellFormed() && !value.includes('\0'), 'it holds a NUL or a lone surrogate'),
)
const pattern = v.union([text, v.pipe(v.array(text), v.minLength(1), v.maxLength(MAX_PATTERNS))])

const match = v.strictObject({
  tenantId: v.optional(pattern),
  sessionId: v.optional(pattern),
  agent: v.optional(pattern),
  tool: v.optional(pattern),
  type: v.optional(pattern),
  convention: v.optional(pattern),
})

const rule = v.strictObject({
  name: v.optional(text),
  match: v.optional(match),
  payload: v.optional(v.picklist(['none', 'metadata', 'digest', 'content'])),
  diagnostics: v.optional(v.picklist(['metadata', 'digest', 'content'])),
})

/** Schema of a policy; the published JSON Schema comes from it. */
export const policySchema = v.strictObject({
  $schema: v.optional(v.string()),
  name: text,
  version: v.optional(text),
  rules: v.optional(v.pipe(v.array(rule), v.maxLength(MAX_RULES))),
  redact: v.optional(v.record(v.string(), v.boolean())),
  pseudonyms: v.optional(v.strictObject({ actor: v.optional(v.boolean()) })),
})

interface Issue {
  readonly message: string
  readonly type: string
  readonly expected: string | null
  readonly received: string
  readonly path?: readonly { readonly key: unknown }[] | undefined
}

/** Returns the fields of the object at a path, for suggestions. */
function fieldsAt(path: readonly unknown[]): readonly string[] {
  if (path.length === 0) return Object.keys(policySchema.entries)
  if (path[0] === 'rules') return Object.keys((path.length > 2 ? match : rule).entries)
  return path[0] === 'pseudonyms' ? ['actor'] : []
}

/**
 * Checks a policy, and returns a copy of it.
 *
 * Attacker-controlled: any value, also what a file holds; its schema accepts it.
 *
 * @param detectors - names that `redact` may have
 * @throws AuditLogError `AUDIT_POLICY_INVALID` naming the path of the fault
 */
export function parsePolicy(value: unknown, detectors: readonly string[]): AuditPolicy {
  let result: ReturnType<typeof parsed>
  try {
    result = parsed(value)
  } catch (cause) {
    throw invalid('policy', 'it cannot be read', cause)
  }
  if (!result.success) throw faultOf(result.issues[0] as Issue)
  const policy = result.output as AuditPolicy
  rejectLists(value as AuditPolicy)
  // The names as they are given: what checks the values leaves out `constructor` and the like.
  for (const name of Object.keys((value as AuditPolicy).redact ?? {})) {
    if (!detectors.includes(name))
      throw invalid(
        `redact.${named(name)}`,
        `there is no such detector${suggestion(name, detectors)}; there are ${detectors.join(', ')}`,
      )
  }
  rejectContradictions(policy.rules ?? [])
  return policy
}

/** A list passes for an object: `match: []` would be for all events. */
function rejectLists({ rules = [], redact, pseudonyms }: AuditPolicy): void {
  const objects = rules.flatMap((rule, at): [string, unknown][] => [
    [`rules[${at}]`, rule],
    [`rules[${at}].match`, rule.match],
  ])
  for (const [path, value] of [...objects, ['redact', redact], ['pseudonyms', pseudonyms]] as const) {
    if (Array.isArray(value)) throw invalid(path, 'it is a list, and must be an object')
  }
}

function parsed(value: unknown) {
  return v.safeParse(policySchema, value, { abortEarly: true })
}

function faultOf(issue: Issue): AuditLogError {
  const keys = (issue.path ?? []).map(({ key }) => key)
  const path = keys.reduce<string>(
    (before, key) =>
      typeof key === 'number' ? `${before}[${key}]` : before === '' ? named(key) : `${before}.${named(key)}`,
    '',
  )
  if (issue.type === 'strict_object' && keys.length > 0 && issue.expected === 'never') {
    return invalid(path, `unknown field${suggestion(String(keys.at(-1)), fieldsAt(keys.slice(0, -1)))}`)
  }
  if (issue.received === 'undefined') return invalid(path, 'it is missing')
  return invalid(path || 'policy', issue.message)
}

function suggestion(name: string, known: readonly string[]): string {
  // Some fields are called without their `Id` elsewhere.
  const meant = nearestName(name, known) ?? nearestName(`${name}Id`, known)
  return meant === undefined ? '' : `; did you mean '${meant}'?`
}
