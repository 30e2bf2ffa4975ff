import { type Alteration, millisBetween, type Timestamp } from '../../events/index.js'
import type { Conclusion } from '../conventions/contract.js'
import type { EventCore, EventOrigin } from './emitter.js'
import { lostAt } from './losses.js'
import type { Run } from './run.js'
import type { TerminalType } from './run-end.js'
import { DURATION_MENDED, START_MENDED } from './span-times.js'

const NOTHING_LOST: readonly Alteration[] = Object.freeze([])
const UNKNOWN_ERROR = Object.freeze({ code: 'Error', message: '' })

/** Returns the terminal event of a run by its conclusion. @param otherwise - the error where the conclusion names none */
export function terminalOf(
  conclusion: Conclusion,
  otherwise: Conclusion['error'] = UNKNOWN_ERROR,
): EventCore<TerminalType> {
  const { outcome, error = otherwise, reason = 'unknown', finishReason, waitingFor, by } = conclusion
  if (outcome === 'failed') return { type: 'run_failed', data: { error } }
  if (outcome === 'cancelled') return { type: 'run_cancelled', data: { reason, by } }
  if (outcome === 'suspended') return { type: 'run_suspended', data: { reason, waitingFor } }
  return { type: 'run_completed', data: { finishReason } }
}

/** Returns a terminal event with the times and the usage of the run. */
export function completed<T extends TerminalType>(
  { type, data }: EventCore<T>,
  { startedAt, tally }: Run,
  time: Timestamp,
): EventCore<T> {
  const durationMs = millisBetween(startedAt, time)
  return { type, data: { startedAt, durationMs, ...data, usage: tally.usage ?? data.usage } }
}

/** Fields of a terminal event that are not known whole, or not as they were reported. */
export function lostOf({ tally, isStartMended }: Run, { isTimeMended }: EventOrigin): readonly Alteration[] {
  const { usageLoss } = tally
  if (!usageLoss && !isStartMended && !isTimeMended) return NOTHING_LOST
  return [
    ...(usageLoss ? [lostAt('data.usage', usageLoss)] : []),
    ...(isStartMended ? [START_MENDED] : []),
    ...(isStartMended || isTimeMended ? [DURATION_MENDED] : []),
  ]
}
