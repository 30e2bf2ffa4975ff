import type { Conclusion, ConventionState } from '../contract.js'
import type { AskedCall } from './approvals.js'

const STATE = 'openai-agents'

/** State of a run while it lasts. */
export interface RunState {
  /** Model calls so far. */
  models: number
  /** One of them said what the model answered. */
  hasAnswers: boolean
  /** Calls the model asked for that have not begun. */
  pending: readonly AskedCall[]
  /** Calls that came before any model call: they had waited for an approval. */
  readonly resumed: AskedCall[]
  /** Runs inside that have begun. */
  nested: number
  /** The last run inside waits for an approval. */
  paused: boolean
  /** The end of the last call of the runner that opened the trace, or of the last agent below a trace, if it did not end well. */
  lastTask: Ending | undefined
  /** A guardrail has said that it was triggered. */
  hasViolation: boolean
}

export type Ending = Pick<Conclusion, 'outcome' | 'error' | 'reason' | 'confidence'>

/** Returns the state of a run, new at its first use. */
export function stateOf(runState: ConventionState | undefined): RunState {
  const known = runState?.get(STATE) as RunState | undefined
  if (known) return known
  const state: RunState = {
    models: 0,
    hasAnswers: false,
    pending: [],
    resumed: [],
    nested: 0,
    paused: false,
    lastTask: undefined,
    hasViolation: false,
  }
  runState?.set(STATE, state)
  return state
}
