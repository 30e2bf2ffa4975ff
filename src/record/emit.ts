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

/** What every recording function takes beside the data. Scope that is left out is inherited. */
export interface RecordOptions extends AuditScope {
  /**
   * When it happened.
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
   * libraries can be told apart.
   *
   * @defaultValue the instrumentation scope of the active span
   */
  readonly library?: RecordingLibrary | undefined
}

/**
 * Adds an event to the active span, and tells the listeners that do not hear it there. It costs next to nothing while
 * no span records and nobody listens, and never throws.
 */
export function emit(
  type: string,
  data: unknown,
  options: RecordOptions = {},
  extra?: Attributes,
  encode: typeof attributesFromData = attributesFromData,
): void {
  try {
    const active = activeContext()
    const where = options.context ?? active
    const span = trace.getSpan(where)
    const recording = span?.isRecording() ? span : undefined
    const listeners = recordListeners()
    if (!recording && listeners.size === 0) return

    const name = PREFIX + type
    const attributes = encode(data, Object.assign(scopeAttributes(options), extra))
    const time = validTime(options.time)
    const carrier = recording && addEvent(recording, name, attributes, time, where === active ? undefined : where)
    for (const listener of listeners) tell(listener, carrier, name, attributes, time, where)
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
 * Who hears the span hears the event in the context it happened in.
 *
 * @returns the span, unless it would not take the event
 */
function addEvent(
  span: Span,
  name: string,
  attributes: Attributes,
  time: TimeInput | undefined,
  elsewhere: Context | undefined,
): Span | undefined {
  try {
    if (elsewhere) runIn(elsewhere, () => span.addEvent(name, attributes, time))
    else span.addEvent(name, attributes, time)
    return span
  } catch (problem) {
    diag.warn(`spanledger: a span did not take the event ${name}`, problem)
    return undefined
  }
}

function tell(
  listener: RecordListener,
  carrier: Span | undefined,
  name: string,
  attributes: Attributes,
  time: TimeInput | undefined,
  where: Context,
): void {
  try {
    if (!carrier || !listener.hears(carrier, attributes)) listener.onRecord(name, attributes, time, where)
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
