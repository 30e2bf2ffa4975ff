/** Terminal events, and `run_interrupted`, which no convention reports: it follows from silence. */
export type TerminalType = 'run_completed' | 'run_failed' | 'run_cancelled' | 'run_suspended' | 'run_interrupted'

/**
 * The grounds of a terminal event. `observed`: the run's own end. `guessed`: silence, or the end of its last child.
 * `claimed`: another process has delivered the end of its span.
 */
export type EndGrounds = 'observed' | 'guessed' | 'claimed'

type Stage = 'open' | 'ended' | 'resumed' | 'guessed' | 'claimed'

const AFTER: Readonly<Record<EndGrounds, Stage>> = { observed: 'ended', guessed: 'guessed', claimed: 'claimed' }

/** The grounds on which a run may end in each of its stages. */
const ADMITTED: Readonly<Record<Stage, readonly EndGrounds[]>> = {
  open: ['observed', 'guessed'],
  guessed: ['observed', 'claimed'],
  claimed: ['observed'],
  ended: [],
  resumed: [],
}

/**
 * The end of a run. A run has one terminal event. Another one is recorded where the first was a guess or a claim, which it then
 * supersedes, and where the run has gone on after its end.
 *
 *     open ─── observed, forget ───▶ ended ──── reopen ───▶ resumed
 *      │                             ▲ ▲ ▲                    │
 *      │                             │ │ └──── recordAgain ───┘
 *   guessed                          │ │
 *      └──▶ guessed ─── observed ────┘ │     ended by `run_suspended`: `recordAgain` without `reopen`
 *              │                       │
 *           claimed                    │
 *              └──▶ claimed ─ observed ┘
 *
 * `forget` leads from `guessed` and `claimed` to `ended` as well: nobody is left who could correct them.
 */
export class RunEnd {
  #stage: Stage = 'open'
  #type: TerminalType | undefined = undefined
  #id: string | undefined = undefined

  get isOpen(): boolean {
    return this.#stage === 'open'
  }

  /** The run was given up, and nobody has delivered its end since. */
  get isGuessed(): boolean {
    return this.#stage === 'guessed'
  }

  /** The run may go on one day, as a run of its own. */
  get isSuspended(): boolean {
    return this.#type === 'run_suspended'
  }

  /** Another terminal event may follow that supersedes nothing. */
  get mayEndAgain(): boolean {
    return this.#stage === 'resumed' || (this.#stage === 'ended' && this.isSuspended)
  }

  /**
   * @param publish - publishes the terminal event, given the id of the one that it supersedes; returns its id. Not called
   * where the run has ended already
   */
  record(type: TerminalType, grounds: EndGrounds, publish: (supersedes: string | undefined) => string): void {
    if (!ADMITTED[this.#stage].includes(grounds)) return
    const supersedes = this.#id
    this.#stage = AFTER[grounds]
    this.#type = type
    this.#id = publish(supersedes)
  }

  /** A run that had gone on has come to an end anew. @returns whether it may */
  recordAgain(type: TerminalType): boolean {
    if (!this.mayEndAgain) return false
    this.#stage = 'ended'
    this.#type = type
    return true
  }

  /** The run has gone on after its end. A guess needs no second end: the true one supersedes it. */
  reopen(): void {
    if (this.#stage === 'ended') this.#stage = 'resumed'
  }

  /**
   * The run has ended unobserved: nothing more is recorded of its end. One that has gone on after its end keeps the right to
   * end again.
   */
  forget(): void {
    if (this.#stage !== 'resumed') this.#stage = 'ended'
  }
}
