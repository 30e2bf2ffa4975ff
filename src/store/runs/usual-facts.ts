import { isAscii } from 'node:buffer'
import type { UsualEntry } from '../usual-entry.js'
import { decodeWithRun } from './decode-run.js'
import { type FactEvent, hasFacts, type RunFacts, runFactsOf } from './run-facts.js'

/** The fields of an event that are known of its owners: see `UsualEntry`. */
type KnownFields = Pick<FactEvent, 'sessionId' | 'runId' | 'agent'>

/** Types of events that are parsed as a whole: more than their data tells of a run. */
const WHOLE: ReadonlySet<string> = new Set(['run_identified'])

/**
 * Takes what usual entries tell of their runs, one after the other. It says what {@link decodeWithRun} says, but parses
 * no more than what follows the fields by which an entry is filed, and that of few entries.
 */
export class UsualFacts {
  #text = ''
  #start = 0
  #confidence = new Occurrences('"confidence"')
  #trace = new Occurrences('"traceId"')

  /** @param bytes - returns those of the entry */
  of(entry: UsualEntry, known: KnownFields, bytes: () => Uint8Array): RunFacts | undefined {
    if (known.runId === undefined) return undefined
    if (entry.text !== this.#text || entry.start < this.#start) {
      this.#text = entry.text
      this.#confidence = new Occurrences('"confidence"')
      this.#trace = new Occurrences('"traceId"')
    }
    this.#start = entry.start
    if (!hasFacts(entry.type) && !this.#mayState(entry, known.sessionId)) return undefined
    const memory = bytes()
    // The bytes of other texts are not their characters.
    if (WHOLE.has(entry.type) || !isAscii(memory)) return decodeWithRun(memory)?.run
    const stated = statedIn(entry)
    if (!stated) return undefined
    const { sessionId, runId, agent } = known
    const { trace, source, data } = stated
    return runFactsOf({ id: entry.id, type: entry.type, sessionId, runId, agent, trace, source, data })
  }

  #mayState({ text, start, end }: UsualEntry, sessionId: string): boolean {
    if (this.#confidence.next(text, start) < end) return true
    const trace = this.#trace.next(text, start)
    if (trace >= end) return false
    const rest = text.slice(trace, end)
    return rest.includes(sessionId) || rest.includes('\\')
  }
}

/** The places of a name in a text, which are asked for in their order: the text is searched once. */
class Occurrences {
  readonly #name: string
  #at = -1

  constructor(name: string) {
    this.#name = name
  }

  /** Returns the first place that is not before `from`; `Infinity` where there is none. */
  next(text: string, from: number): number {
    if (this.#at < from) {
      const at = text.indexOf(this.#name, from)
      this.#at = at < 0 ? Infinity : at
    }
    return this.#at
  }
}

type StatedFields = Pick<FactEvent, 'trace' | 'source' | 'data'>

/** Returns the fields of an entry in which something may be told of its run; most often `data` alone is parsed. */
function statedIn(entry: UsualEntry): StatedFields | undefined {
  const { text, restFrom, dataFrom, end } = entry
  const isPlain = dataFrom !== undefined && !MAY_STATE.test(text.slice(restFrom, dataFrom))
  const data = isPlain ? parsed(text.slice(dataFrom, end - 1)) : undefined
  // Data that is not the last field is none by itself.
  return data === undefined ? (parsed(`{${text.slice(restFrom, end)}`) as StatedFields | undefined) : { data }
}

const MAY_STATE = /"(?:confidence|traceId)"/

function parsed(text: string): unknown {
  // Attacker-controlled: a part of an entry; any JSON, of which fields are taken by their types.
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
