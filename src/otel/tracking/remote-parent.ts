/**
 * The parent of a span where that is no span of this process: ids that a caller sent, or those of a span that nobody
 * follows here, whose trace may be the caller's choice as well. Nothing is inherited from it.
 *
 * Attacker-controlled: the ids, which come from a `traceparent` header. A propagator checks their form, and sealing bounds
 * them; here they are compared and are part of a derived session, and a run that they name is a claim.
 */
export interface RemoteParent {
  /** Differs from that of every span and every other remote parent. */
  readonly serial: number
  /**
   * The session of what happens below, for want of a better one: the trace id, which the caller chose and so could share
   * with somebody else, and an id that was made here.
   */
  readonly sessionId: string
  /** The run that the ids belong to, if they are of this process: the caller's claim. */
  readonly claimedParentRunId: string | undefined
}
