import type { Attributes, AttributeValue } from '@opentelemetry/api'
import type { RecordedLog, RecordedSpan, Recording } from './recording.js'

/*
 * Puts a text in the place of what instrumentations tell: of a value, and of each text inside a value that is JSON.
 */

/** A place of a recording in which a text can be put: a kind of attribute, or one of the other texts of a span or log record. */
export interface Place {
  /** The name of the instrumentation scope. */
  readonly scope: string
  /** The name of the span event or of the log record; empty for a span. */
  readonly event: string
  /** The key of an attribute, or one of {@link TEXTS}. Numbers in it count as the same. */
  readonly key: string
}

/** Texts that are no attributes. */
const TEXTS = ['(name)', '(status)', '(body)', '(scope)', '(version)'] as const

type PutAt = (place: Place, value: unknown) => unknown
type Put = (place: Omit<Place, 'scope'>, value: unknown) => unknown

/** Returns the places of a recording, by what names them, and whether a number is there. */
export function placesOf(recording: Recording): ReadonlyMap<string, { readonly holdsNumber: boolean }> {
  const places = new Map<string, { holdsNumber: boolean }>()
  mapped(recording, (place, value) => {
    places.set(JSON.stringify(place), { holdsNumber: value !== '' && Number.isFinite(Number(value)) })
    return value
  })
  return places
}

/**
 * Returns a recording with a text in one place, or in all: instead of the value, or of the texts in its JSON.
 *
 * @param place - as {@link placesOf} names it
 */
export function planted(
  recording: Recording,
  text: string,
  { place, within }: { readonly place?: string; readonly within: 'value' | 'json' },
): Recording {
  return mapped(recording, (at, value) => {
    if (place !== undefined && JSON.stringify(at) !== place) return value
    return within === 'json' ? withTexts(value, text) : instead(value, text)
  })
}

function instead(value: unknown, text: string): unknown {
  return Array.isArray(value) ? value.map(() => text) : text
}

/** JSON stays what it is, with the text in place of each of its texts. A value that is no JSON is replaced. */
function withTexts(value: unknown, text: string): unknown {
  if (typeof value !== 'string') return typeof value === 'object' && value !== null ? deep(value, text) : text
  try {
    const parsed: unknown = JSON.parse(value)
    return typeof parsed === 'object' && parsed !== null ? JSON.stringify(deep(parsed, text)) : text
  } catch {
    return text
  }
}

/** Members that say what a part of a message is stay: without them nothing else is read. */
const KINDS: ReadonlySet<string> = new Set(['type', 'role', 'kind', 'lc', 'status'])

function deep(value: unknown, text: string): unknown {
  if (typeof value === 'string') return text
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map((each) => deep(each, text))
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => [key, KINDS.has(key) ? member : deep(member, text)]),
  )
}

function mapped(recording: Recording, put: PutAt): Recording {
  return {
    ...recording,
    spans: recording.spans.map((span) => mappedSpan(span, put)),
    logs: recording.logs.map((log) => mappedLog(log, put)),
  }
}

function mappedSpan(span: RecordedSpan, putAt: PutAt): RecordedSpan {
  const { instrumentationScope: scope, status, start, resource } = span
  const put: Put = (place, value) => putAt({ ...place, scope: scope.name }, value)
  const text = (key: (typeof TEXTS)[number], value: string) => put({ event: '', key }, value) as string
  return {
    ...span,
    name: text('(name)', span.name),
    attributes: mappedAttributes('', span.attributes, put),
    start: { ...start, name: text('(name)', start.name), attributes: mappedAttributes('', start.attributes, put) },
    events: span.events.map((event) => ({
      ...event,
      name: put({ event: event.name, key: '(name)' }, event.name) as string,
      attributes: mappedAttributes(event.name, event.attributes ?? {}, put),
    })),
    instrumentationScope: {
      name: text('(scope)', scope.name),
      ...(scope.version !== undefined && { version: text('(version)', scope.version) }),
    },
    ...(status && {
      status: { ...status, ...(status.code === 2 && { message: text('(status)', status.message ?? '') }) },
    }),
    ...(resource && { resource: { attributes: mappedAttributes('(resource)', resource.attributes, put) } }),
  }
}

function mappedLog(log: RecordedLog, putAt: PutAt): RecordedLog {
  const put: Put = (place, value) => putAt({ ...place, scope: log.instrumentationScope.name }, value)
  const event = log.eventName ?? String(log.attributes['event.name'] ?? '')
  return {
    ...log,
    attributes: mappedAttributes(event, log.attributes, put),
    ...(log.eventName !== undefined && { eventName: put({ event, key: '(name)' }, log.eventName) as string }),
    ...(log.body !== undefined && { body: put({ event, key: '(body)' }, log.body) }),
  }
}

function mappedAttributes(event: string, attributes: Attributes, put: Put): Attributes {
  return Object.fromEntries(
    Object.entries(attributes).map(([key, value]) => [
      key,
      put({ event, key: key.replace(/\d+/g, 'N') }, value) as AttributeValue | undefined,
    ]),
  )
}
