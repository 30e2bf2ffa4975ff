import type { Attributes, SpanContext } from '@opentelemetry/api'
import { RecentMap } from '../recent-map.js'
import type { SpanLike } from '../span.js'
import type { SpanNode } from './span-node.js'

/** Values of `SpanKind`: what arrives from somebody else, and what goes out to somebody else. */
const SERVER = 1
const CLIENT = 2
const PRODUCER = 3
const CONSUMER = 4

/** Spans whose ids went out with a request or a message. */
const MAX_OUTGOING = 4096

/** A request or a message that went out of a run. */
interface Outgoing {
  readonly node: SpanNode
  readonly isMessage: boolean
  /** The queue that it goes to, as far as its span said at the start: the span is let go when it ends. */
  readonly queue: Attributes
  /** A request arrives once. */
  hasArrived: boolean
}

/**
 * Follows calls that leave this process and arrive in it again: an agent that calls another one of the same process by HTTP,
 * or through a queue. Only ids say so, which a callee could send back as well, so more than equal ids is asked for:
 *
 * - A request was sent to this machine alone (its client span says so), is still open, has not arrived before, and nothing
 *   that both spans say of it differs.
 * - A message is taken in by a consumer, and its ids are those of a producer of this process. They went to the queue alone.
 */
export class Hops {
  readonly #outgoing = new RecentMap<string, Outgoing>(MAX_OUTGOING)

  /** The span's ids go out with a request or a message, so that they may come back as a caller's. */
  remember(node: SpanNode, { kind, attributes }: SpanLike): void {
    const isMessage = kind === PRODUCER
    this.#outgoing.set(node.spanId, {
      node,
      isMessage,
      queue: isMessage ? queueOf(attributes) : NO_ATTRIBUTES,
      hasArrived: false,
    })
  }

  /** Returns the span that these ids went out with, whoever sends them now. */
  sentWith({ spanId }: SpanContext): SpanNode | undefined {
    return this.#outgoing.get(spanId)?.node
  }

  /** Returns the span of this process that sent what the span takes in, where more than its ids shows that. */
  senderOf(span: SpanLike): SpanNode | undefined {
    // Attacker-controlled: ids that came with a request or a message; they only find what went out under them, and what
    // both sides say of it has to agree.
    const { kind, parentSpanContext: parent } = span
    if (kind === SERVER) return parent && this.#requestOf(span, parent)
    if (kind !== CONSUMER) return undefined
    const link = span.links?.length === 1 ? span.links[0]?.context : undefined
    return (parent && this.#messageOf(span, parent)) ?? (link && this.#messageOf(span, link))
  }

  #requestOf(span: SpanLike, ids: SpanContext): SpanNode | undefined {
    const sent = this.#find(ids)
    const request = sent?.node.span
    if (!sent || !request || sent.isMessage || sent.hasArrived) return undefined
    if (!isSentToLoopback(request.attributes) || !isSameRequest(request.attributes, span.attributes)) return undefined
    sent.hasArrived = true
    return sent.node
  }

  #messageOf(span: SpanLike, ids: SpanContext): SpanNode | undefined {
    const sent = this.#find(ids)
    if (!sent?.isMessage) return undefined
    const queue = sent.node.span?.attributes ?? sent.queue
    return isSame(QUEUE_KEYS, queue, span.attributes) ? sent.node : undefined
  }

  #find({ traceId, spanId }: SpanContext): Outgoing | undefined {
    const sent = this.#outgoing.get(spanId)
    return sent?.node.traceId === traceId ? sent : undefined
  }
}

/** Tells whether the span sends its ids to somebody else. */
export function goesOut({ kind }: SpanLike): boolean {
  return kind === CLIENT || kind === PRODUCER
}

const URL_KEYS = ['url.full', 'http.url']
const HOST_KEYS = ['server.address', 'net.peer.name', 'network.peer.address', 'net.peer.ip']
/** The address of the caller, by the server's own socket. */
const CALLER_KEYS = ['network.peer.address', 'net.sock.peer.addr', 'net.peer.ip']
const METHOD_KEYS = ['http.request.method', 'http.method']
const CLIENT_PORT_KEYS = ['server.port', 'net.peer.port']
const SERVER_PORT_KEYS = ['server.port', 'net.host.port']
const QUEUE_KEYS = ['messaging.system', 'messaging.destination.name']

const NO_ATTRIBUTES: Attributes = Object.freeze({})

function queueOf(attributes: Attributes): Attributes {
  return Object.fromEntries(QUEUE_KEYS.map((key) => [key, attributes[key]]))
}

/** Tells whether all that a client span says of its server is an address of this machine, and it says any. */
function isSentToLoopback(attributes: Attributes): boolean {
  const hosts = HOST_KEYS.flatMap((key) => textOf(attributes, [key]) ?? [])
  const url = urlOf(attributes)
  if (url) hosts.push(url.hostname)
  return hosts.length > 0 && hosts.every(isLoopback)
}

function isLoopback(host: string): boolean {
  return /^(localhost|127(\.\d{1,3}){3}|\[?::1\]?|\[?::ffff:127(\.\d{1,3}){3}\]?)$/i.test(host)
}

/** Tells whether nothing that both sides say of a request differs. */
function isSameRequest(client: Attributes, server: Attributes): boolean {
  const url = urlOf(client)
  const caller = textOf(server, CALLER_KEYS)
  const port = textOf(client, CLIENT_PORT_KEYS) ?? (url && (url.port || (url.protocol === 'https:' ? '443' : '80')))
  return (
    (caller === undefined || isLoopback(caller)) &&
    agree(textOf(client, METHOD_KEYS), textOf(server, METHOD_KEYS)) &&
    agree(port, textOf(server, SERVER_PORT_KEYS)) &&
    agree(url?.pathname, textOf(server, ['url.path']))
  )
}

function isSame(keys: readonly string[], one: Attributes, other: Attributes): boolean {
  return keys.every((key) => agree(textOf(one, [key]), textOf(other, [key])))
}

function agree(one: string | undefined, other: string | undefined): boolean {
  return one === undefined || other === undefined || one === other
}

function urlOf(attributes: Attributes): URL | undefined {
  const text = textOf(attributes, URL_KEYS)
  try {
    return text === undefined ? undefined : new URL(text)
  } catch {
    return undefined
  }
}

function textOf(attributes: Attributes, keys: readonly string[]): string | undefined {
  for (const key of keys) {
    const value = attributes[key]
    if (typeof value === 'string' || typeof value === 'number') return String(value)
  }
  return undefined
}
