import type { Attributes } from '@opentelemetry/api'

/**
 * Whether a span says at its start that it is one of a transport or a database, and so no agent's. By attributes that
 * the OpenTelemetry semantic conventions, stable and older, want at the start. Named one by one: looked up in a list
 * they would cost more than the look at the span that they save.
 */
export function isTransportSpan(attributes: Attributes): boolean {
  return (
    attributes['http.request.method'] !== undefined ||
    attributes['http.method'] !== undefined ||
    attributes['url.full'] !== undefined ||
    attributes['http.url'] !== undefined ||
    attributes['db.system.name'] !== undefined ||
    attributes['db.system'] !== undefined ||
    attributes['rpc.system'] !== undefined ||
    attributes['messaging.system'] !== undefined ||
    attributes['net.peer.name'] !== undefined ||
    attributes['network.peer.address'] !== undefined
  )
}
