import type { Conclusion } from '../conventions/contract.js'
import type { Loss } from './losses.js'

/** The error that somebody inside a run has thrown to pause it. */
export type Pause = Pick<Conclusion, 'reason' | 'waitingFor'>

/** The end of a run as a span inside the run's own reports it. */
export type InnerEnd = Pick<
  Conclusion,
  'outcome' | 'error' | 'reason' | 'waitingFor' | 'by' | 'finishReason' | 'confidence'
>

/** The failure or the cancellation of a child. */
export type ChildEnd = Pick<Conclusion, 'outcome' | 'error' | 'reason' | 'confidence'>

/** Signs of how a run will end, as long as its own end does not say. */
export class EndSigns {
  #mayLeak: boolean
  #childEnd: ChildEnd | undefined = undefined
  #reported: Conclusion | undefined = undefined
  #inner: InnerEnd | undefined = undefined
  #pause: Pause | undefined = undefined
  #loss: Loss | undefined = undefined

  /** @param mayLeak - the span of the run is known to stay open after a failure */
  constructor(mayLeak: boolean) {
    this.#mayLeak = mayLeak
  }

  /** The span of the run is known to stay open after such an end, and the last child to end had one. */
  get hasLeaked(): boolean {
    return this.#mayLeak && this.#childEnd !== undefined
  }

  /** The end by which a run is judged whose own never comes. */
  get expected(): Conclusion | undefined {
    return this.#childEnd ?? this.#reported
  }

  /** The end by the last that log records have reported, if nothing follows. */
  get reported(): Conclusion | undefined {
    return this.#reported
  }

  /** The end that the framework reports, where a hosting layer around it reports the same run. */
  get inner(): InnerEnd | undefined {
    return this.#inner
  }

  /** The reason why the run has stopped, unless it calls its model again. */
  get pause(): Pause | undefined {
    return this.#pause
  }

  /** The loss, with a span inside, of what may have shown that the run waits. */
  get loss(): Loss | undefined {
    return this.#loss
  }

  /** A span directly inside has ended. @param error - that of its status, where its convention names none */
  endChild({ outcome, error: named, reason, confidence, endsRun }: Conclusion, error = named): void {
    const isTelling = outcome === 'failed' || outcome === 'cancelled'
    this.#childEnd = isTelling ? { outcome, error, reason, confidence } : undefined
    if (endsRun !== undefined) this.#mayLeak = endsRun
  }

  report(end: Conclusion | undefined): void {
    this.#reported = end
  }

  endInside({ outcome, error, reason, waitingFor, by, finishReason, confidence }: InnerEnd): void {
    this.#inner = { outcome, error, reason, waitingFor, by, finishReason, confidence }
  }

  /** A span inside has paused the run by its error. */
  stop(pause: Pause): void {
    this.#pause = pause
  }

  /** A model is called: whatever paused the run, it goes on. */
  goOn(): void {
    this.#pause = undefined
  }

  /** A call of a model that is whole settles the doubt: the run went on. @param loss - none of a span that is whole */
  doubt(loss: Loss | undefined): void {
    this.#loss = loss
  }
}
