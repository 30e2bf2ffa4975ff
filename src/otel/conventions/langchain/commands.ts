import type { Attributes } from '@opentelemetry/api'
import { record } from '../shared/attributes.js'
import { readJson } from '../shared/cut-json.js'
import { type FromClient, fromClient } from '../shared/from-client.js'
import { type Dialect, ownOutput } from './serialised.js'

/* The commands by which a graph is steered: to another node, or on from a checkpoint. */

/** Nodes that LangChain's own agents are built of: going there hands nothing over. */
const INNER_NODE = /^(?:__\w+__|tools|model|model_request|agent|generate_structured_response)$|\.(?:before|after)_\w+$/

/** Returns the node to which a `Command` sends the graph next, where that is one node of the user's. */
export function gotoTarget(attributes: Attributes, dialect: Dialect): string | undefined {
  const parsed = ownOutput(attributes, dialect, '"goto":')
  const { output } = record(parsed)
  const command = [parsed, output, ...(Array.isArray(output) ? output : [])].map(record).find(isCommand)
  const targets = [command?.goto ?? []].flat()
  const [target] = targets
  return targets.length === 1 && typeof target === 'string' && !INNER_NODE.test(target) ? target : undefined
}

/** Tells whether an output is a `Command` that is cut before it says where to go. */
export function isCutCommand(attributes: Attributes, key: Dialect['output']): boolean {
  // Attacker-controlled: the output of a node, which may repeat its input; at most 256 KiB and, where it is cut, 512
  // levels are read.
  const { extent, value } = readJson(attributes[key])
  return extent === 'cut' && [value, record(value).output].some((part) => isCommand(record(part)))
}

/** In Python a command is written without its class. */
const COMMAND_MEMBERS: ReadonlySet<string> = new Set(['graph', 'update', 'resume', 'goto'])

function isCommand(value: Readonly<Record<string, unknown>>): boolean {
  if (value.lg_name === 'Command') return true
  return 'goto' in value && Object.keys(value).every((key) => COMMAND_MEMBERS.has(key))
}

/** A graph goes on from a checkpoint. */
export interface Resumption {
  /** Of a human about the tool calls that waited; empty when something else was waited for. */
  readonly decisions: readonly ('granted' | 'denied')[]
}

const COMMAND_TEXT = /^\{"(?:lg_name":"Command"|(?:graph|update|resume|goto)":)/

/**
 * A graph goes on from a checkpoint when its input is a `Command` that resumes, or null. Who calls the graph says so, and
 * what was decided.
 */
export function resumptionIn(
  attributes: Attributes,
  key: Dialect['input'],
): FromClient<Resumption | undefined> | undefined {
  return fromClient(attributes, key)?.map((input) => {
    if (input === 'null' || input === '{"input":null}') return { decisions: [] }
    if (!COMMAND_TEXT.test(input)) return undefined
    // Attacker-controlled: the input of a graph, which a client can make up; at most 256 KiB and, where it is cut,
    // 512 levels are read, and facts from it are claims.
    const { value, openMember } = readJson(input)
    const command = record(value)
    if (!isCommand(command) || command.resume === undefined || command.resume === null) return undefined
    return { decisions: openMember === 'resume' ? [] : decisionsIn(command.resume) }
  })
}

const DECISIONS = new Map<unknown, 'granted' | 'denied'>([
  ['approve', 'granted'],
  ['accept', 'granted'],
  ['edit', 'granted'],
  ['reject', 'denied'],
  ['ignore', 'denied'],
  ['respond', 'denied'],
  ['response', 'denied'],
])

/** `{ decisions }` of the middleware, a list of older versions, or either by interrupt id. */
function decisionsIn(resume: unknown): readonly ('granted' | 'denied')[] {
  return decisionsOf(resume) ?? Object.values(record(resume)).flatMap((value) => decisionsOf(value) ?? [])
}

function decisionsOf(resume: unknown): readonly ('granted' | 'denied')[] | undefined {
  const { decisions } = record(resume)
  const direct = Array.isArray(resume) ? resume : Array.isArray(decisions) ? decisions : undefined
  if (!direct) return undefined
  const known = direct.map((decision) => DECISIONS.get(record(decision).type))
  return known.every((decision) => decision !== undefined) ? known : []
}
