import type { AuditEventType, StoredEvent } from '../../events/types.js'
import type { StoredEntry } from '../../store/contract.js'
import { ANY, TEXT } from '../../store/decode-entry.js'

const { latin1Slice } = Buffer.prototype

/** An object of ASCII without escapes and without objects in it. */
const FLAT = '{[ -[\\]-z|~]*}'
/** An envelope as it is sealed, up to the event's data: fields in their order, no spaces. */
const ENVELOPE = new RegExp(
  `^{"v":1,"id":${ANY},"type":${TEXT},"time":${TEXT},"recordedAt":${ANY},"tenantId":${TEXT},"sessionId":${TEXT}` +
    `(?:,"runId":${TEXT})?(?:,"parentRunId":${TEXT})?(?:,"agent":(${FLAT}))?(?:,"actor":(${FLAT}))?` +
    `(?:,"trace":{"traceId":${TEXT},"spanId":${TEXT}(?:,"parentSpanId":${TEXT})?})?` +
    `(?:,"claimed":${FLAT})?(?:,"source":(${FLAT}))?(?:,"statementOf":${ANY})?(?:,"salt":${ANY})?,"data":`,
)

/**
 * Matches a field that may repeat, or give late, a field of the envelope: its name, or an escape that may hide a letter
 * of the name. In JSON the last value counts.
 */
const REPEATED_FIELD =
  /"(?:type|time|tenantId|sessionId|runId|parentRunId|agent|actor|trace|source|data)"\s*:|\\u00[2-7]/g

/** Matches what UTF-8 has for any other character, read as latin1. */
const NOT_ASCII = /[\u0080-\u00ff]/

/**
 * Types of which a summary takes single values only: it keeps no such event. In a long run nearly all events are of
 * these.
 */
const SKIMMED_TYPES = [
  'tool_call_started',
  'tool_call_completed',
  'token_usage_updated',
  'custom',
] as const satisfies readonly AuditEventType[]

/** The field `content`, which comes after the data of an event. */
const CONTENT = /^,"content":\{"key":"[\da-f]{32}","items":\[(?:\{[^{}]*\},?)*\]\}\}$/
const CONTENT_START = ',"content":{"key":"'

type SkimmedType = (typeof SKIMMED_TYPES)[number]

/** The fields that a summary reads of an event which it does not keep. What `data` holds is not trusted. */
interface SummedEvent {
  readonly seq: number
  readonly type: SkimmedType
  readonly time: StoredEvent['time']
  readonly tenantId: string
  readonly sessionId: string
  readonly runId?: string | undefined
  readonly parentRunId?: string | undefined
  readonly agent?: StoredEvent['agent']
  readonly actor?: StoredEvent['actor']
  readonly trace?: StoredEvent['trace']
  readonly source?: StoredEvent['source'] | undefined
  readonly data: unknown
}

/** An event of a run, as far as a summary reads it: whole, unless it is of a type of which only single values are taken. */
export type RunEvent = StoredEvent<Exclude<AuditEventType, SkimmedType>> | SummedEvent

/** Parses an entry as a whole. @throws AuditLogError where it is no event */
export type Parse = (seq: number, bytes: Uint8Array) => StoredEvent

/**
 * Reads the envelope of an entry and leaves its data unparsed until somebody asks for it: parsing all of an entry takes
 * three times as long.
 *
 * @returns an event whose fields are those of the parsed one; `undefined` for an entry
 * that is not sealed in the usual way, and for one whose event a summary keeps
 */
export function skimEvent(seq: number, bytes: Uint8Array, parse: Parse): RunEvent | undefined {
  // Attacker-controlled: the entry may be any bytes; the pattern takes time by its length alone, and whatever else it is, is parsed whole.
  const text = latin1Slice.call(bytes, 0, bytes.length)
  const envelope = ENVELOPE.exec(text)
  const type = SKIMMED_TYPES.find((each) => each === envelope?.[1])
  if (!envelope || type === undefined) return undefined
  REPEATED_FIELD.lastIndex = envelope[0].length
  if (REPEATED_FIELD.test(text)) return undefined
  return new SkimmedEvent(type, envelope, { seq, bytes }, parse)
}

/** Tells whether an event was parsed as a whole. */
export function isParsed(event: RunEvent): event is Exclude<RunEvent, SummedEvent> {
  return !(event instanceof SkimmedEvent)
}

class SkimmedEvent implements SummedEvent {
  readonly seq: number
  readonly type: SkimmedType
  readonly time: string
  readonly tenantId: string
  readonly sessionId: string
  readonly runId: string | undefined
  readonly parentRunId: string | undefined
  readonly #envelope: RegExpExecArray
  readonly #entry: StoredEntry
  readonly #parse: Parse
  #data: { readonly value: unknown } | undefined

  constructor(type: SkimmedType, envelope: RegExpExecArray, entry: StoredEntry, parse: Parse) {
    this.seq = entry.seq
    this.type = type
    this.time = envelope[2] as string
    this.tenantId = envelope[3] as string
    this.sessionId = envelope[4] as string
    this.runId = envelope[5]
    this.parentRunId = envelope[6]
    this.#envelope = envelope
    this.#entry = entry
    this.#parse = parse
  }

  get agent(): StoredEvent['agent'] {
    return this.#flat(7)
  }

  get actor(): StoredEvent['actor'] {
    return this.#flat(8)
  }

  get trace(): StoredEvent['trace'] {
    const traceId = this.#envelope[9]
    const spanId = this.#envelope[10]
    const parentSpanId = this.#envelope[11]
    if (traceId === undefined || spanId === undefined) return undefined
    return parentSpanId === undefined ? { traceId, spanId } : { traceId, spanId, parentSpanId }
  }

  get source(): StoredEvent['source'] | undefined {
    return this.#flat(12)
  }

  get data(): unknown {
    this.#data ??= { value: this.#parseData() }
    return this.#data.value
  }

  #parseData(): unknown {
    const { input } = this.#envelope
    // Mostly nothing stands behind the data but the end of the event, or what it states of content.
    if (input.endsWith('}}') && !NOT_ASCII.test(input)) {
      const content = input.lastIndexOf(CONTENT_START)
      const end = content !== -1 && CONTENT.test(input.slice(content)) ? content : input.length - 1
      try {
        // Attacker-controlled: the data may have any fields; folds read each as unknown.
        return JSON.parse(input.slice((this.#envelope[0] as string).length, end))
      } catch {
        // The whole entry shows what is wrong with it.
      }
    }
    return this.#parse(this.seq, this.#entry.bytes).data
  }

  #flat<T>(group: number): T | undefined {
    const text = this.#envelope[group]
    // Attacker-controlled: an agent, an actor or a source without nested objects; its fields are read as unknown.
    return text === undefined ? undefined : JSON.parse(text)
  }
}
