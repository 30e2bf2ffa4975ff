import type { RecordedSpan, Recording } from './recording.js'

const LATE_TENANT = 'acme'

/** Returns the recording with a tenant that only the last span to start below each span without a parent names. */
export function withLateTenant(recording: Recording): Recording {
  const byId = new Map(recording.spans.map((span) => [span.spanId, span]))
  const outermost = (span: RecordedSpan): RecordedSpan => {
    const parent = span.parentSpanId === undefined ? undefined : byId.get(span.parentSpanId)
    return parent ? outermost(parent) : span
  }
  const last = new Map(recording.spans.map((span) => [outermost(span), span]))
  const late = new Set(last.values())
  const spans = recording.spans.map((span) => (late.has(span) ? withTenant(span) : span))
  return { ...recording, spans }
}

function withTenant(span: RecordedSpan): RecordedSpan {
  return { ...span, attributes: { ...span.attributes, 'spanledger.tenant.id': LATE_TENANT } }
}
