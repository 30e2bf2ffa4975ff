import type { EventSource, TraceRef } from '../../events/types.js'
import type { Draft } from './envelope.js'
import { JsonBytes, type KnownJson, knownJson, MAX_UNIT_BYTES, mostBytesOfText } from './json-bytes.js'
import { type Scope, Scopes } from './scopes.js'

const CLOSING_BRACE = '}'.charCodeAt(0)
const TIME_BYTES = '2026-11-21T22:35:06.753000000Z'.length
const NO_TIME = '0'.repeat(TIME_BYTES)
const TIMES = `"time":"${NO_TIME}","recordedAt":"${NO_TIME}",`
/** Both are distances from the end of {@link TIMES}. */
const RECORDED_AT = TIME_BYTES + 2
const TIME = RECORDED_AT + TIME_BYTES + '","recordedAt":"'.length

const START = knownJson('{"v":1,"id":')
const PARENT_SPAN = knownJson(',"parentSpanId":')
const DATA = knownJson(',"data":')
const NO_JSON = knownJson('')
/** More than an event takes beside what it says. */
const FRAME_BYTES = 512
/** Types of which the JSON is kept: callers may make up any number of them. */
const MAX_TYPES = 256

/** An event in parts: those that many events share, and as JSON those that hardly any other one has. */
export interface EventParts {
  readonly scope: Scope
  readonly type: KnownJson
  readonly source: KnownJson
  readonly claimed: string
  readonly supersedes: string
  /** `statementOf` and `salt`, which the log adds. */
  readonly added: string
  readonly data: string
  /** `altered` and `content`. */
  readonly altered: string
}

/**
 * Writes events as JSON in UTF-8: the bytes of `JSON.stringify`, in half of its time. What events of one run, one type or
 * one source share is copied.
 */
export class EventBytes {
  readonly #json = new JsonBytes(Buffer.alloc(0), 0)
  readonly #scopes = new Scopes()
  readonly #types = new Map<string, KnownJson>()
  #source: EventSource | undefined
  #sourceJson = NO_JSON

  /** Takes an event apart. A part that it does not have is empty. */
  partsOf(draft: Draft): EventParts {
    const { type, supersedes, claimed, source, statementOf, salt, data, altered, content } = draft
    const addedSalt = salt === undefined ? '' : `,"salt":"${salt}"`
    return {
      scope: this.#scopes.of(draft),
      type: this.#jsonOfType(type),
      source: source === undefined ? NO_JSON : this.#jsonOfSource(source),
      supersedes: supersedes === undefined ? '' : `,"supersedes":${JSON.stringify(supersedes)}`,
      claimed: claimed === undefined ? '' : `,"claimed":${JSON.stringify(claimed)}`,
      added: statementOf === undefined ? addedSalt : `,"statementOf":${JSON.stringify(statementOf)}${addedSalt}`,
      data: data === undefined ? '' : JSON.stringify(data),
      altered: alteredJson(altered, content),
    }
  }

  /** Returns the scope of an event, see {@link Scopes}. */
  scopeOf(draft: Draft): Scope {
    return this.#scopes.of(draft)
  }

  /** Returns how many bytes {@link write} takes for an event at most. */
  mostBytes({ id, trace }: Draft, parts: EventParts): number {
    const { scope, type, source, supersedes, claimed, added, data, altered } = parts
    const known = type.bytes.length + scope.json.bytes.length + source.bytes.length
    const texts = id.length + (trace === undefined ? 0 : lengthOf(trace))
    const own = supersedes.length + claimed.length + added.length + data.length + altered.length
    return FRAME_BYTES + known + mostBytesOfText(texts) + MAX_UNIT_BYTES * own
  }

  /**
   * Writes an event, from `at` on.
   *
   * @returns the position behind it; `undefined` when a text of it holds a lone surrogate
   */
  write({ id, time, recordedAt, trace }: Draft, parts: EventParts, target: Buffer, at: number): number | undefined {
    const { scope, type, source, supersedes, claimed, added, data, altered } = parts
    const json = this.#json
    json.begin(target, at)
    json.known(START)
    json.text(id)
    json.known(type)
    this.#writeTimes(time, recordedAt)
    if (trace === undefined) json.known(scope.json)
    else this.#writeTraced(scope, trace)
    if (supersedes !== '') json.json(supersedes)
    if (claimed !== '') json.json(claimed)
    json.known(source)
    if (added !== '') json.json(added)
    if (data !== '') {
      json.known(DATA)
      json.json(data)
    }
    if (altered !== '') json.json(altered)
    json.character(CLOSING_BRACE)
    return json.isWellFormed ? json.end : undefined
  }

  /** Puts the times in their places. */
  #writeTimes(time: string, recordedAt: string): void {
    const json = this.#json
    const [timeAt, recordedAtAt] = [json.end - TIME, json.end - RECORDED_AT]
    json.overwrite(time, timeAt)
    // They are the same where an event has no time of its own.
    if (recordedAt === time) json.copy(timeAt, timeAt + TIME_BYTES, recordedAtAt)
    else json.overwrite(recordedAt, recordedAtAt)
  }

  #writeTraced(scope: Scope, { traceId, spanId, parentSpanId }: TraceRef): void {
    const json = this.#json
    json.known(scope.jsonInTrace(traceId))
    json.text(spanId)
    if (parentSpanId !== undefined) {
      json.known(PARENT_SPAN)
      json.text(parentSpanId)
    }
    json.character(CLOSING_BRACE)
  }

  #jsonOfType(type: string): KnownJson {
    const known = this.#types.get(type)
    if (known !== undefined) return known
    const json = knownJson(`,"type":${JSON.stringify(type)},${TIMES}`)
    if (this.#types.size >= MAX_TYPES) this.#types.clear()
    this.#types.set(type, json)
    return json
  }

  #jsonOfSource(source: EventSource): KnownJson {
    const known = this.#source
    if (
      known === undefined ||
      known.convention !== source.convention ||
      known.scope !== source.scope ||
      known.scopeVersion !== source.scopeVersion ||
      known.service !== source.service ||
      known.confidence !== source.confidence
    ) {
      // A copy: the event's own is in the hands of who recorded it.
      this.#source = { ...source }
      this.#sourceJson = knownJson(`,"source":${JSON.stringify(source)}`)
    }
    return this.#sourceJson
  }
}

function alteredJson(altered: Draft['altered'], content: Draft['content']): string {
  const json = altered === undefined ? '' : `,"altered":${JSON.stringify(altered)}`
  return content === undefined ? json : `${json},"content":${JSON.stringify(content)}`
}

function lengthOf({ traceId, spanId, parentSpanId }: TraceRef): number {
  return traceId.length + spanId.length + (parentSpanId === undefined ? 0 : parentSpanId.length)
}
