import { record } from '../shared/attributes.js'
import { readJson } from '../shared/cut-json.js'

/* What the exceptions say by which LangGraph pauses. */

export interface Interrupt {
  readonly id: string
  /** Tool calls that wait for a human. */
  readonly requested: readonly string[]
  /** Read from a text whose parts may look like others. */
  readonly isGuess?: boolean
}

/** The interrupts that the text of a `GraphInterrupt` lists. */
export function interruptsIn(message: string): readonly Interrupt[] {
  // Attacker-controlled: the text of an interrupt, which may hold a model's words; at most 256 KiB and, where it is
  // cut, 512 levels are read.
  const list = readJson(message).value
  if (!Array.isArray(list)) return pythonInterruptsIn(message)
  return list.map(record).map(({ id, value }, index) => ({
    id: typeof id === 'string' ? id : String(index),
    requested: [value].flat().flatMap(requestedTools),
  }))
}

const PYTHON_REQUESTS = /'action_requests?': /
const PYTHON_REQUEST = /\{'(?:name|action)': '([^'\\]+)', 'arg(?:s|uments)': /g
const PYTHON_ID = /\bid='([^']+)'/
/** Requests beyond this many are not looked at. */
const MAX_REQUESTS = 64

/** In Python the text is what Python writes of the interrupts: `(Interrupt(value={'action_requests': […]}, id='…'),)`. */
function pythonInterruptsIn(message: string): readonly Interrupt[] {
  if (!message.includes('Interrupt(value=')) return []
  const found = PYTHON_REQUESTS.test(message) ? [...message.matchAll(PYTHON_REQUEST)].slice(0, MAX_REQUESTS) : []
  const requested = found.flatMap(([, name]) => name ?? [])
  return [{ id: PYTHON_ID.exec(message)?.[1] ?? '0', requested, isGuess: true }]
}

function requestedTools(value: unknown): readonly string[] {
  const { actionRequests, action_requests, action_request } = record(value)
  return [actionRequests ?? action_requests ?? action_request ?? []].flat().flatMap((request) => {
    const { name, action } = record(request)
    return [name ?? action].filter((text) => typeof text === 'string')
  })
}
