import type { Attributes } from '@opentelemetry/api'
import { jsonIn, record } from '../shared/attributes.js'
import { readJson } from '../shared/cut-json.js'
import { type ClientContentKey, fromClient } from '../shared/from-client.js'

/*
 * The values that LangChain and LangGraph serialise into the inputs and outputs of their runs: messages, commands,
 * interrupts. They are searched for structure (who goes next, which tool was asked for), and nothing of their text is kept.
 * Every look begins with a search of the raw text, so that what has nothing to report is not parsed.
 */

/** The keys under which an instrumentation puts the input and the output of what LangChain runs. */
export interface Dialect {
  /** A client's where it is that of a run; of a node it is the state of the graph, with the client's messages in it. */
  readonly input: ClientContentKey
  readonly output: 'output.value' | 'traceloop.entity.output'
}

/** OpenInference says here that an output is a text as it came, not what LangChain has serialised. */
const OUTPUT_TYPE = 'output.mime_type'

/** The output of a run, parsed when its text contains the mark, or one of several. */
export function outputWith(
  attributes: Attributes,
  key: Dialect['output'],
  mark: string | readonly string[],
  parse?: (text: string) => unknown,
): unknown {
  if (key === 'output.value' && attributes[OUTPUT_TYPE] === 'text/plain') return undefined
  return parsedWith(attributes[key], mark, parse)
}

/** The JSON value of an attribute, parsed when its text contains the mark, or one of several. */
export function parsedWith(
  value: unknown,
  mark: string | readonly string[],
  parse: (text: string) => unknown = jsonIn,
): unknown {
  // Attacker-controlled: the state of a graph, with the messages of its client; parsed only where a mark is in it,
  // and at most 256 KiB.
  return typeof value === 'string' && [mark].flat().some((one) => value.includes(one)) ? parse(value) : undefined
}

/** As far as it can be read: for what stands where it stands, whatever comes behind a cut. */
export function beginning(text: string): unknown {
  return readJson(text).value
}

/**
 * The output of a step, when its text contains `mark`; `undefined` where it gives back what it was given, as the first node
 * of a graph does, and a chain that returns the whole state: then its output says what the client said.
 */
export function ownOutput(attributes: Attributes, { input, output }: Dialect, mark: string): unknown {
  const parsed = outputWith(attributes, output, mark)
  if (parsed === undefined) return undefined
  const isGivenBack = (text: string) => text === attributes[output] || haveSameBeginning(jsonIn(text), parsed)
  return fromClient(attributes, input)?.borneOutBy('nesting', isGivenBack) ? undefined : parsed
}

function haveSameBeginning(one: unknown, other: unknown): boolean {
  const [first] = messagesOf(one)
  return first !== undefined && jsonOf(first) === jsonOf(messagesOf(other)[0])
}

/** Returns the messages of the state of a graph. */
export function messagesOf(state: unknown): readonly unknown[] {
  const { messages } = record(state)
  return Array.isArray(messages) ? messages : []
}

/** JSON text of what was parsed from JSON; `undefined` where it is nested so deep that writing it would overflow the stack. */
export function jsonOf(value: unknown): string | undefined {
  try {
    return JSON.stringify(value)
  } catch {
    return undefined
  }
}
