import type { AuditEventData } from '../../events/index.js'
import type { Identity } from './identity.js'
import type { Run, RunFamily, TrackedSpan } from './run.js'
import type { ResolvedScope } from './scope.js'

/** Records a statement that an identity gives rise to. */
export type State = (
  statement:
    | { readonly type: 'run_identified'; readonly data: AuditEventData<'run_identified'> }
    | { readonly type: 'run_identity_conflict'; readonly data: AuditEventData<'run_identity_conflict'> },
  run: Run,
) => void

/**
 * Sees to it that every event of a run carries one tenant and one session. A run takes those that hold at its first event.
 * The first name that comes later decides what nobody has named by then, and `run_identified` says so before any event
 * carries it. Any other name after that moves nothing, and is stated as `run_identity_conflict`.
 */
export class Identities {
  readonly #state: State

  constructor(state: State) {
    this.#state = state
  }

  /** @param scope - that of an event of the run @returns the tenant and the session that the event carries */
  of(run: Run, scope: ResolvedScope): Identity {
    const { identity } = run
    if (!identity) {
      const first = run.identify(scope)
      if (first.isUnnamed) run.family.addUnnamed(run)
      return first
    }
    // What others inherit from this one is known to them as well from now on.
    if (this.#identify(run, identity, scope)) this.#identifyIn(run.family, run.node)
    return identity
  }

  /** The tenant or the session of a span has become known, and so that of what is below. */
  identifyBelow(node: TrackedSpan | undefined): void {
    if (node) this.#identifyIn(node.outermost, node)
  }

  #identifyIn({ unnamed }: RunFamily, top: TrackedSpan | undefined): void {
    if (!unnamed) return
    for (const run of unnamed) {
      const isBelow = !top || !run.node || run.node.serial >= top.serial
      if (isBelow && run.identity) this.#identify(run, run.identity, run.scope())
    }
  }

  /** @returns whether the scope names what nobody has named before */
  #identify(run: Run, identity: Identity, scope: ResolvedScope): boolean {
    const previous = identity.decide(scope)
    if (previous) {
      if (!identity.isUnnamed) run.family.unnamed?.delete(run)
      this.#state({ type: 'run_identified', data: { previous } }, run)
    }
    const conflict = identity.refuse(scope)
    if (conflict) this.#state({ type: 'run_identity_conflict', data: conflict }, run)
    return previous !== undefined
  }
}
