import type { Count, Label } from './recording.js'

type Trail = Omit<Label, 'unrecoverable' | 'notes'>

/** How much of what happened a trail tells. A false fact counts as one that is told wrong. */
export interface Score {
  readonly right: number
  readonly facts: number
  /** Facts that never happened; among those that are told wrong. */
  readonly invented: number
  readonly misses: readonly string[]
}

/**
 * Compares a trail with what happened. A null in the label means that the spans do not tell; a fact that a note marks
 * `content-only:` weighs nothing when it is not told.
 */
export function scoreOf(trail: Trail, label: Label): Score {
  const tally = new Tally(contentOnly(label.notes))
  const runs = matchRuns(trail.runs, label.runs)
  for (const [index, expected] of label.runs.entries()) {
    const found = runs[index]
    const nameless = tally.excuses(`runs[${index}].agent`) || tally.excuses('runs[].agent')
    tally.fact(`runs[${index}]`, `run ${expected.agent}`, found !== undefined)
    if (!found) continue
    if (expected.agent !== null && expected.agent !== '*' && !nameless)
      tally.fact('', `agent ${expected.agent}, told ${found.agent}`, found.agent === expected.agent)
    tally.fact(
      '',
      `${expected.agent}: ${expected.outcome}, told ${found.outcome}`,
      isSame(expected.outcome, found.outcome),
    )
    const parent = expected.parent === null ? undefined : runs[expected.parent]
    const toldParent = found.parent === null ? undefined : trail.runs[found.parent]
    tally.fact('', `parent of ${expected.agent}`, parent === toldParent)
    if (expected.sessionId != null) {
      tally.fact('', `session of ${expected.agent}: told ${found.sessionId}`, found.sessionId === expected.sessionId)
    }
    if (expected.error != null)
      tally.fact('', `error ${expected.error}, told ${found.error}`, found.error === expected.error)
  }
  for (const run of trail.runs) if (!runs.includes(run)) tally.invent('runs', `invented run ${run.agent}`)

  tally.lists(
    'toolCalls',
    label.toolCalls,
    trail.toolCalls,
    (a, b) => (a.name === null || a.name === b.name) && isSame(a.outcome, b.outcome),
  )
  tally.lists(
    'handoffs',
    label.handoffs,
    trail.handoffs,
    (a, b) => (a.from === null || a.from === b.from) && (a.to === null || a.to === b.to),
  )
  tally.lists(
    'memoryRecalls',
    label.memoryRecalls,
    trail.memoryRecalls,
    (a, b) => (a.tier === null || a.tier === b.tier) && (a.hits === null || a.hits === b.hits),
  )
  tally.lists('usageLimits', label.usageLimits, trail.usageLimits, (a, b) => a.axis === b.axis)
  tally.number('compactions', label.compactions, trail.compactions)
  tally.number('resumed', label.resumed, trail.resumed)
  for (const kind of ['requested', 'granted', 'denied'] as const) {
    tally.number(`approvals.${kind}`, label.approvals[kind], trail.approvals[kind])
  }
  for (const kind of ['input', 'output'] as const) {
    tally.number(`tokens.${kind}`, label.tokens?.[kind] ?? 0, trail.tokens?.[kind] ?? 0)
  }
  return tally
}

/** Runs are told apart by agent, outcome and order: the best match first. */
function matchRuns(told: Label['runs'], expected: Label['runs']): readonly (Label['runs'][number] | undefined)[] {
  const left = new Set(told)
  const take = (fits: (run: Label['runs'][number]) => boolean) => {
    const found = [...left].find(fits)
    if (found) left.delete(found)
    return found
  }
  const exact = expected.map((run) => take((other) => other.agent === run.agent && other.outcome === run.outcome))
  const byAgent = expected.map((run, i) => exact[i] ?? take((other) => other.agent === run.agent))
  // Sessions side by side are told in no order.
  const bySession = expected.map((run, i) => byAgent[i] ?? take((other) => other.sessionId === run.sessionId))
  return expected.map((_, i) => bySession[i] ?? take(() => true))
}

function isSame(expected: string, told: string): boolean {
  return expected === '*' || expected === told
}

function contentOnly(notes: string): string {
  return /content-only:(.*)/.exec(notes)?.[1] ?? ''
}

class Tally implements Score {
  right = 0
  facts = 0
  invented = 0
  readonly misses: string[] = []
  readonly #contentOnly: string

  constructor(contentOnlyNote: string) {
    this.#contentOnly = contentOnlyNote
  }

  excuses(field: string): boolean {
    return field !== '' && this.#contentOnly.includes(field)
  }

  fact(field: string, what: string, holds: boolean): void {
    if (!holds && this.excuses(field)) return
    this.facts++
    if (holds) this.right++
    else this.misses.push(what)
  }

  /** Something is told that never happened. */
  invent(field: string, what: string): void {
    if (this.excuses(field)) return
    this.invented++
    this.fact(field, what, false)
  }

  number(field: string, expected: Count, told: Count): void {
    if (expected === '*' || (expected === 0 && told === 0)) return
    if (expected === 0) this.invent(field, `${field}: ${expected}, told ${told}`)
    else this.fact(field, `${field}: ${expected}, told ${told}`, expected === told)
  }

  lists<T>(field: string, expected: readonly T[], told: readonly T[], same: (expected: T, told: T) => boolean): void {
    const left = [...told]
    let unmatched = 0
    for (const [index, item] of expected.entries()) {
      const at = left.findIndex((other) => same(item, other))
      if (at >= 0) {
        left.splice(at, 1)
        this.fact('', '', true)
      } else if (this.excuses(`${field}[${index}]`) || this.excuses(`${field}[]`) || this.excuses(field)) {
        unmatched++
      } else this.fact('', `${field}: missing ${JSON.stringify(item)}`, false)
    }
    // A nameless call in place of one whose name only the content tells is no invention.
    for (const item of left.slice(unmatched)) this.invent('', `${field}: invented ${JSON.stringify(item)}`)
  }
}
