import { type Attributes, type Context, diag, type Span, type TimeInput, trace } from '@opentelemetry/api'
import type { AgentRef } from '../events/types.js'
import { attributesFromData } from './attributes.js'
import { type AuditScope, idText } from './context.js'
import { activeContext, runIn } from './flow.js'
import { type RecordListener, recordListeners } from './listeners.js'
import {
  AGENT_ID,
  AGENT_NAME,
  LIBRARY_NAME,
  LIBRARY_VERSION,
  PARENT_RUN_ID,
  PREFIX,
  RUN_ID,
  SESSION_ID,
  TENANT_ID,
  USER_ID,
} from './names.js'

/** A library that records events by hand. */
export interface RecordingLibrary {
  /** Its name, as on npm. */
  readonly name: string
  readonly version?: string | undefined
}

/** Options of every recording function. Scope that is left out is inherited. */
export interface RecordOptions extends AuditScope {
  /**
   * The time at which it happened.
   *
   * @defaultValue now
   */
  readonly time?: TimeInput | undefined
  /**
   * The OpenTelemetry context it happened in.
   *
   * @defaultValue the active one
   */
  readonly context?: Context | undefined
  /** The run it belongs to, where the context does not tell. @defaultValue the innermost run */
  readonly runId?: string | undefined
  /** The run that this one is a part of. */
  readonly parentRunId?: string | undefined
  /** @defaultValue the agent of the run */
  readonly agent?: AgentRef | undefined
  /**
   * The library that records it: it becomes `source.scope` and `source.scopeVersion` of the event, so that events of two
   * libraries can be kept apart.
   *
   * @defaultValue the instrumentation scope of the active span
   */
  readonly library?: RecordingLibrary | undefined
}

/** The way in which an event's data become attributes. */
interface Encoding {
  /** Attributes beside those of the scope and the data. */
  readonly extra?: Attributes | undefined
  /** @defaultValue `attributesFromData` */
  readonly encode?: typeof attributesFromData
}

/** An event as spans and listeners take it. */
interface EmittedEvent {
  readonly name: string
  readonly attributes: Attributes
  readonly time: TimeInput | undefined
  /** The context that it happened in. */
  readonly context: Context
}

/**
 * Adds an event to the active span, and gives it to the listeners that the span does not bring it to. It costs next to nothing while
 * no span records and nobody listens, and never throws.
 */
export function emit(
  type: string,
  data: unknown,
  options: RecordOptions = {},
  { extra, encode = attributesFromData }: Encoding = {},
): void {
  try {
    const active = activeContext()
    const where = options.context ?? active
    const span = trace.getSpan(where)
    const recording = span?.isRecording() ? span : undefined
    const listeners = recordListeners()
    if (!recording && listeners.size === 0) return

    const event = {
      name: PREFIX + type,
      attributes: encode(data, Object.assign(scopeAttributes(options), extra)),
      time: validTime(options.time),
      context: where,
    }
    const carrier = recording && addToSpan(recording, event, where !== active)
    for (const listener of listeners) notify(listener, carrier, event)
  } catch (problem) {
    diag.warn('spanledger: an event could not be recorded', problem)
  }
}

/** Attributes that say whose something is; what cannot be an id is left out. */
export function scopeAttributes(scope: Omit<RecordOptions, 'time' | 'context'>): Attributes {
  const attributes: Attributes = {}
  put(attributes, TENANT_ID, scope.tenantId)
  put(attributes, SESSION_ID, scope.sessionId)
  put(attributes, USER_ID, scope.userId)
  put(attributes, RUN_ID, scope.runId)
  put(attributes, PARENT_RUN_ID, scope.parentRunId)
  put(attributes, AGENT_ID, scope.agent?.id)
  put(attributes, AGENT_NAME, scope.agent?.name)
  put(attributes, LIBRARY_NAME, scope.library?.name)
  put(attributes, LIBRARY_VERSION, scope.library?.version)
  return attributes
}

function put(attributes: Attributes, key: string, id: unknown): void {
  if (id === undefined) return
  const text = idText(id)
  if (text !== undefined) attributes[key] = text
}

/**
 * Adds the event to a span, in the context that it happened in: who follows the span sees that context.
 *
 * @returns the span, unless it would not take the event
 */
function addToSpan(
  span: Span,
  { name, attributes, time, context }: EmittedEvent,
  isElsewhere: boolean,
): Span | undefined {
  try {
    if (isElsewhere) runIn(context, () => span.addEvent(name, attributes, time))
    else span.addEvent(name, attributes, time)
    return span
  } catch (problem) {
    diag.warn(`spanledger: a span did not take the event ${name}`, problem)
    return undefined
  }
}

/** Gives the event to a listener that the span which carries it, if any, does not reach. */
function notify(listener: RecordListener, carrier: Span | undefined, event: EmittedEvent): void {
  const { name, attributes, time, context } = event
  try {
    if (!carrier || !listener.hears(carrier, attributes)) listener.onRecord(name, attributes, time, context)
  } catch (problem) {
    diag.warn(`spanledger: a listener failed on the event ${name}`, problem)
  }
}

/** A time that is none would make SDKs throw; the event then counts as happening now. */
function validTime(time: TimeInput | undefined): TimeInput | undefined {
  if (typeof time === 'number') return Number.isFinite(time) ? time : undefined
  if (Array.isArray(time)) return time.length === 2 && time.every(Number.isFinite) ? time : undefined
  return time instanceof Date && Number.isFinite(time.getTime()) ? time : undefined
}
