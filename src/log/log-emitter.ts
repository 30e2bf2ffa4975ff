import { nearestName } from '../events/nearest.js'
import type { AuditLogEvents, AuditLogListener, AuditLogListeners, RemoveListener } from './audit-log-events.js'

type EventName = keyof AuditLogEvents
type Registered = { readonly [E in EventName]: Set<Registration<E>> }

/** One call of `on`: the same function may be registered twice. */
interface Registration<E extends EventName> {
  readonly listener: AuditLogListener<E>
}

/**
 * Emits the events of a log to its listeners. A listener cannot disturb the log: what it throws or rejects with is
 * ignored, and what is emitted while a listener runs is delivered once it has returned, so that none is called within
 * another.
 */
export class LogEmitter {
  readonly #registered: Registered = {
    problem: new Set(),
    recovered: new Set(),
    checkpoint: new Set(),
    dropped: new Set(),
    gap: new Set(),
  }
  readonly #undelivered: (() => void)[] = []
  #isDelivering = false

  /** @param listeners - from {@link checkedListeners} */
  constructor({ problem, recovered, checkpoint, dropped, gap }: AuditLogListeners = {}) {
    if (problem) this.#add('problem', problem)
    if (recovered) this.#add('recovered', recovered)
    if (checkpoint) this.#add('checkpoint', checkpoint)
    if (dropped) this.#add('dropped', dropped)
    if (gap) this.#add('gap', gap)
  }

  /**
   * Adds a listener.
   *
   * @throws TypeError naming an unknown event, or the event whose listener is no function
   */
  on<E extends EventName>(event: E, listener: AuditLogListener<E>): RemoveListener {
    requireEventName('AuditLog.on', event)
    requireListener('AuditLog.on', event, listener)
    return this.#add(event, listener)
  }

  /** Tells whether an event has listeners, for values that cost something to make. */
  has(event: EventName): boolean {
    return this.#registered[event].size > 0
  }

  /** Emits an event to its listeners. Never throws. */
  emit<E extends Exclude<EventName, 'problem'>>(event: E, value: AuditLogEvents[E]): void {
    if (this.has(event)) this.#deliver(() => this.#call(event, value))
  }

  /** Reports a problem to its listeners, or, where there are none, as a warning of the process. Never throws. */
  report(problem: Error): void {
    this.#deliver(() => {
      if (this.has('problem')) this.#call('problem', problem)
      else process.emitWarning(problem)
    })
  }

  #add<E extends EventName>(event: E, listener: AuditLogListener<E>): RemoveListener {
    const registrations: Set<Registration<E>> = this.#registered[event]
    const registration = { listener }
    registrations.add(registration)
    const remove = () => void registrations.delete(registration)
    return Object.assign(remove, { [Symbol.dispose]: remove })
  }

  #deliver(delivery: () => void): void {
    this.#undelivered.push(delivery)
    if (this.#isDelivering) return
    this.#isDelivering = true
    try {
      for (let next = this.#undelivered.shift(); next; next = this.#undelivered.shift()) ignoringFailures(next)
    } finally {
      // Where no stack is left, not even that can be ignored which throws.
      this.#isDelivering = false
    }
  }

  /** Calls the listeners that are registered now, but for those that are removed meanwhile. */
  #call<E extends EventName>(event: E, value: AuditLogEvents[E]): void {
    const registrations: Set<Registration<E>> = this.#registered[event]
    for (const registration of [...registrations]) {
      if (registrations.has(registration)) ignoringFailures(() => registration.listener(value))
    }
  }
}

const EVENT_NAMES: Readonly<Record<EventName, true>> = {
  problem: true,
  recovered: true,
  checkpoint: true,
  dropped: true,
  gap: true,
}

/**
 * Checks the listeners that an option gives, and binds them to the object that has them.
 *
 * @throws TypeError naming an unknown event, or the event whose listener is no function
 */
export function checkedListeners(of: string, listeners: AuditLogListeners): AuditLogListeners {
  if (typeof listeners !== 'object' || listeners === null) {
    throw new TypeError(`${of}: on must be an object with a listener for each event`)
  }
  for (const event of Object.keys(listeners)) requireEventName(`${of}: on`, event)
  const { problem, recovered, checkpoint, dropped, gap } = listeners
  for (const [event, listener] of Object.entries({ problem, recovered, checkpoint, dropped, gap })) {
    if (listener !== undefined) requireListener(`${of}: on`, event, listener)
  }
  return {
    problem: problem?.bind(listeners),
    recovered: recovered?.bind(listeners),
    checkpoint: checkpoint?.bind(listeners),
    dropped: dropped?.bind(listeners),
    gap: gap?.bind(listeners),
  }
}

function requireEventName(of: string, event: string): void {
  if (Object.hasOwn(EVENT_NAMES, event)) return
  const meant = nearestName(String(event), Object.keys(EVENT_NAMES))
  throw new TypeError(`${of}: unknown event '${String(event)}'${meant ? `; did you mean '${meant}'?` : ''}`)
}

function requireListener(of: string, event: string, listener: unknown): void {
  if (typeof listener !== 'function') throw new TypeError(`${of}: the listener of '${event}' must be a function`)
}

/** Runs what may throw or reject without a consequence. */
function ignoringFailures(act: () => unknown): void {
  try {
    Promise.resolve(act()).catch(() => {})
  } catch {}
}
