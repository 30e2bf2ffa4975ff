import type { Results } from './page.js'
import type { StepQuery } from './query/query.js'
import type { RunStep } from './steps/run-step.js'
import type { RunTree } from './summaries/run-summary.js'

/**
 * One run as a query found it. Awaited, it is a summary with everything below it; the run is read then, and not
 * before.
 *
 * ```ts
 * const run = log.run('r-1')
 * console.log((await run)?.status)
 * for await (const step of run.steps()) console.log(step.seq, step.kind)
 * ```
 */
export interface RunResult extends Promise<RunTree | undefined> {
  /**
   * The run's own steps, sub-runs apart, in append order or, with `order: 'desc'`, the newest first: everything that the
   * lists of a summary have and, of a run of any length, what they leave out. A log that has no event of the run has no
   * steps of it.
   *
   * A tool call is one step, at the position of its start, that also tells of its end, wherever in the log that is. A call
   * without an end is `running`, or `unfinished` once the run is over.
   *
   * Reading takes constant memory. The other end of a call is looked for some 256 steps around it; where a call takes
   * longer, the run is read once more, for all of its calls. Of a run with more than 16,384 such calls at a time, or in
   * all, some are shown without their ends, and their ends as calls of their own.
   *
   * @throws AuditLogError `AUDIT_QUERY_INVALID` naming an unknown or malformed field; while reading also when several
   * tenants have a run with this id and the run's `tenantId` does not say whose is meant
   */
  steps(query?: StepQuery): Results<RunStep>
}

/** Reads a run when it is awaited. */
export class LazyRun implements RunResult {
  readonly [Symbol.toStringTag] = 'Run'
  readonly steps: RunResult['steps']
  readonly #read: () => Promise<RunTree | undefined>
  #reading: Promise<RunTree | undefined> | undefined

  constructor(read: () => Promise<RunTree | undefined>, steps: RunResult['steps']) {
    this.#read = read
    this.steps = steps
  }

  // biome-ignore lint/suspicious/noThenProperty: nobody waits for a run of which only the steps are read.
  then<A = RunTree | undefined, B = never>(
    onfulfilled?: ((run: RunTree | undefined) => A | PromiseLike<A>) | null,
    onrejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    return this.#once().then(onfulfilled, onrejected)
  }

  catch<B = never>(onrejected?: ((reason: unknown) => B | PromiseLike<B>) | null): Promise<RunTree | undefined | B> {
    return this.#once().catch(onrejected)
  }

  finally(onfinally?: (() => void) | null): Promise<RunTree | undefined> {
    return this.#once().finally(onfinally)
  }

  #once(): Promise<RunTree | undefined> {
    this.#reading ??= this.#read()
    return this.#reading
  }
}
