import { diag } from '@opentelemetry/api'
import { startUnrefTimer } from '../timers/real-timers.js'
import { switchedOn } from './enabled.js'
import { DIAGNOSIS_AFTER_MILLIS } from './health/reasons.js'
import { Diagnosis } from './tracking/diagnosis.js'
import type { SpanExplanation } from './tracking/explain.js'

/** `SPANLEDGER_EXPLAIN=true` explains every span through OpenTelemetry's `diag`, without a change of code. */
export function explainThroughDiag(): ((explanation: SpanExplanation) => void) | undefined {
  if (!switchedOn('SPANLEDGER_EXPLAIN')) return undefined
  return ({ name, spanId, reason }) => diag.info(`spanledger: span '${name}' (${spanId}): ${reason}`)
}

/**
 * Begins to look for why a trail stays empty, and says so through `diag` once an application has started.
 *
 * @param isAttached - `undefined` when the processor is shut down
 */
export function startDiagnosis(
  seen: { readonly spans: number; readonly agentSpans: number },
  isAttached: () => boolean | undefined,
): Diagnosis {
  const diagnosis = new Diagnosis((message) => diag.warn(`spanledger: ${message}.`), seen)
  startUnrefTimer(DIAGNOSIS_AFTER_MILLIS, () => {
    const attached = isAttached()
    if (attached !== undefined) diagnosis.review(attached)
  })
  return diagnosis
}
