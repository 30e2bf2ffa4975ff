import { RESERVED_TYPES } from '../../events/reserved.js'
import { invalid, named } from './invalid.js'
import { compileRules } from './matching.js'
import type { PolicyMatch, PolicyPattern, PolicyRule } from './policy.js'

/** Texts of all patterns of a policy. */
const MAX_TEXTS = 10_000
/** Cases of a policy that are looked at one by one. */
const MAX_CASES = 1_000

/**
 * Refuses rules that say two things, and rules that can never count, since earlier ones are for all that they are for.
 *
 * @throws AuditLogError `AUDIT_POLICY_INVALID` naming the path of the fault
 */
export function rejectContradictions(rules: readonly PolicyRule[]): void {
  const texts = rules
    .flatMap(({ match: own = {} }) => Object.values(own) as readonly (PolicyPattern | undefined)[])
    .reduce((sum, each = []) => sum + textsOf(each).length, 0)
  if (texts > MAX_TEXTS) throw invalid('rules', `they match ${texts} texts; ${MAX_TEXTS} are allowed`)
  const names = compileRules(rules).map(({ name }) => name)
  const together = new Together()
  for (const [at, { payload, diagnostics, match: own = {} }] of rules.entries()) {
    const path = `rules[${at}]`
    if (payload === undefined && diagnostics === undefined)
      throw invalid(path, 'it says nothing: give it payload, diagnostics or both')
    if (payload === 'none' && diagnostics !== undefined) {
      throw invalid(`${path}.diagnostics`, "an event that is left out (payload: 'none') has no diagnostics")
    }
    const first = names.indexOf(names[at] as string)
    if (first !== at) throw invalid(`${path}.name`, `rules[${first}] is called '${named(names[at])}' as well`)
    rejectOwnTypes(own, `${path}.match.type`)
    const before = rules.slice(0, at).map(({ match: other = {} }) => other)
    const covering = before.findIndex((other) => covers(other, own))
    if (covering !== -1)
      throw invalid(path, `it never counts: rules[${covering}] comes first and is for all events that it is for`)
    if (together.cover(before, own))
      throw invalid(path, 'it never counts: the rules before it are together for all events that it is for')
  }
}

/** The log speaks for itself, whatever a policy says. */
function rejectOwnTypes({ type }: PolicyMatch, path: string): void {
  const own = type === undefined ? undefined : textsOf(type).find((each) => RESERVED_TYPES.has(each))
  if (own !== undefined) throw invalid(path, `no rule is for '${own}': the log records that of itself. Remove it`)
}

/** Tells whether several matches are together for all events that another one is for. It looks at so many cases of a policy, and no further. */
class Together {
  #casesLeft = MAX_CASES

  cover(wide: readonly PolicyMatch[], narrow: PolicyMatch): boolean {
    const fields = Object.entries(narrow).filter(([, pattern]) => pattern !== undefined)
    const count = fields.reduce((product, [, pattern]) => product * textsOf(pattern as PolicyPattern).length, 1)
    if (count === 1 || count > this.#casesLeft) return false
    this.#casesLeft -= count
    return casesOf(fields).every((single) => wide.some((match) => covers(match, single)))
  }
}

/** Returns matches of one text for each field, which together are the given one. */
function casesOf(fields: readonly (readonly [string, PolicyPattern])[]): readonly PolicyMatch[] {
  return fields.reduce<readonly PolicyMatch[]>(
    (cases, [field, pattern]) => cases.flatMap((each) => textsOf(pattern).map((text) => ({ ...each, [field]: text }))),
    [{}],
  )
}

/** Tells whether a match is for all events that another one is for, as far as the two show it. */
function covers(wide: PolicyMatch, narrow: PolicyMatch): boolean {
  return Object.entries(wide).every(([field, pattern]) => {
    if (pattern === undefined) return true
    const other = narrow[field as keyof PolicyMatch]
    return other !== undefined && textsOf(other).every((each) => textsOf(pattern).some((by) => includes(by, each)))
  })
}

function textsOf(pattern: PolicyPattern): readonly string[] {
  return typeof pattern === 'string' ? [pattern] : pattern
}

function includes(wide: string, narrow: string): boolean {
  return wide.endsWith('*') ? narrow.startsWith(wide.slice(0, -1)) : wide === narrow
}
