import { monotonicMillis } from '../../timers/real-timers.js'
import type { DisabledRedactor, RedactorContext } from './contract.js'
import { DETECTORS } from './detectors.js'

/**
 * A function of your own that takes out of a text what is not to be recorded. It is called for each text of a content value before anything
 * is written, and answers at once.
 *
 * @returns the changed text; `undefined` to leave it as it is
 */
export type RedactText = (text: string, context: RedactorContext) => string | undefined

/** A redactor, or one with a budget of its own. */
export type Redactor = RedactText | RedactorOptions

interface RedactorOptions {
  readonly redact: RedactText
  readonly budgetMs?: number | undefined
}

/** Milliseconds that a redactor may take for one text, where it has no budget of its own. */
const DEFAULT_BUDGET_MILLIS = 5
/** Times that it may take longer, before it is switched off. */
const MAX_OVERRUNS = 3
/** No redactor makes a text so much longer. */
const MAX_LENGTH = 1024 * 1024

/** Names that `altered` has for detectors: no redactor takes one. */
const RESERVED: ReadonlySet<string> = new Set([...DETECTORS, 'detectors'])

interface Known {
  readonly name: string
  readonly redact: RedactText
  readonly budgetMs: number
  overruns: number
}

/** A redactor failed: the value is left out. */
export class RedactorFailed extends Error {
  readonly redactor: string

  constructor(redactor: string) {
    super(`the redactor '${redactor}' failed`)
    this.redactor = redactor
  }
}

/** The redactors of an application. */
export class OwnRedactors {
  readonly #redactors: readonly Known[]
  readonly #clock: () => number
  #disabled: DisabledRedactor[] = []
  /** A redactor that records something itself is not asked about that. */
  #isRunning = false

  /** @throws TypeError naming the redactor */
  constructor(redactors: Readonly<Record<string, Redactor>> = {}, clock: () => number = monotonicMillis) {
    this.#clock = clock
    this.#redactors = Object.entries(redactors).map(([name, given]) => known(name, given))
  }

  /**
   * Runs all of them over a text.
   *
   * @param onChange - called with the name of each that changed it
   * @throws RedactorFailed
   */
  run(text: string, context: RedactorContext, onChange: (name: string) => void): string {
    if (this.#redactors.length === 0) return text
    if (this.#isRunning) throw new RedactorFailed(this.#redactors[0]?.name as string)
    this.#isRunning = true
    try {
      let current = text
      for (const redactor of this.#redactors) {
        const next = this.#ask(redactor, current, context)
        if (next !== undefined && next !== current) onChange(redactor.name)
        current = next ?? current
      }
      return current
    } finally {
      this.#isRunning = false
    }
  }

  /** Returns those that were switched off since the last call. */
  takeDisabled(): readonly DisabledRedactor[] {
    if (this.#disabled.length === 0) return this.#disabled
    const disabled = this.#disabled
    this.#disabled = []
    return disabled
  }

  #ask(redactor: Known, text: string, context: RedactorContext): string | undefined {
    const { name, redact, budgetMs } = redactor
    // Switched off: what it should have seen is left out.
    if (redactor.overruns >= MAX_OVERRUNS) throw new RedactorFailed(name)
    const start = this.#clock()
    let answer: unknown
    try {
      answer = redact(text, { ...context })
    } catch {
      throw new RedactorFailed(name)
    } finally {
      if (this.#clock() - start > budgetMs && ++redactor.overruns === MAX_OVERRUNS) {
        this.#disabled.push({ redactor: name, budgetMs })
      }
    }
    if (answer === undefined) return undefined
    if (typeof answer === 'string' && answer.length <= MAX_LENGTH) return answer
    if (answer instanceof Promise) answer.catch(() => {})
    throw new RedactorFailed(name)
  }
}

function known(name: string, given: Redactor): Known {
  if (name === '' || name.length > 100) throw new TypeError('redactors: a name has 1 to 100 characters')
  if (RESERVED.has(name)) throw new TypeError(`redactors: '${name}' is the name of a detector; choose another one`)
  if (typeof given !== 'function' && (typeof given !== 'object' || given === null)) throw malformed(name)
  const options: Partial<RedactorOptions> = typeof given === 'function' ? { redact: given } : { ...given }
  const { redact, budgetMs = DEFAULT_BUDGET_MILLIS, ...unknown } = options
  if (typeof redact !== 'function') throw malformed(name)
  const [other] = Object.keys(unknown)
  if (other !== undefined) {
    throw new TypeError(`redactors: '${name}' has an unknown option '${other}'; there are redact and budgetMs`)
  }
  if (!(Number.isFinite(budgetMs) && budgetMs > 0)) {
    throw new TypeError(`redactors: budgetMs of '${name}' must be a number of milliseconds above 0`)
  }
  return { name, redact, budgetMs, overruns: 0 }
}

function malformed(name: string): TypeError {
  return new TypeError(`redactors: '${name}' must be a function, or { redact, budgetMs }`)
}
