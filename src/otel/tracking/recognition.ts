import type { Activity, Convention } from '../conventions/contract.js'

/** The answer of a convention that knows a span: what the span is. */
export interface Recognition {
  readonly convention: Convention
  readonly activity: Activity
}
