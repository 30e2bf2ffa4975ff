import type { Attributes } from '@opentelemetry/api'
import { weakest } from '../../../events/confidence.js'
import type { Fact } from '../contract.js'
import { text } from './attributes.js'

/*
 * Content that a client of the application can make up: the history sent with a request, the input of a run, the answers
 * with which one goes on. Nothing of it is evidence. It is read here only, and comes wrapped: the facts that are told from
 * it bear the mark `claimed`, and what has no mark cannot be made from it.
 */

/** Attributes that hold such content. The others of a span are what the instrumentation itself says. */
export type ClientContentKey =
  | 'ai.prompt'
  | 'gcp.vertex.agent.llm_request'
  | 'gen_ai.agent.input'
  | 'gen_ai.input.messages'
  | 'genkit:input'
  | 'input'
  | 'input.value'
  | 'mastra.agent_run.input'
  | 'traceloop.entity.input'

/** Content that nothing has checked. */
export class FromClient<T> {
  readonly #content: T

  constructor(content: T) {
    this.#content = content
  }

  /** Looks into the content. What is found there is as little checked. */
  map<U>(read: (content: T) => U): FromClient<U> {
    return new FromClient(read(this.#content))
  }

  /** Tells facts by the content, each of them as a claim. */
  tells(read: (content: T) => readonly Fact[] | undefined): readonly Fact[] | undefined {
    return read(this.#content)?.map(claimed)
  }

  /**
   * Releases what an act of the framework bears out: the call it has executed, the one it stopped at. The caller sees to it
   * that the act was about this very content.
   *
   * @param _act - which act: for the reader of the code
   */
  borneOutBy<U>(_act: 'execution' | 'interrupt' | 'nesting', read: (content: T) => U): U {
    return read(this.#content)
  }
}

/** The first of these attributes that is a text; `undefined` when none is. */
export function fromClient(
  attributes: Attributes,
  ...keys: readonly ClientContentKey[]
): FromClient<string> | undefined {
  // Attacker-controlled: content of a client; what is derived from it is marked `claimed`, and each reader bounds
  // what it parses.
  const content = text(attributes, ...keys)
  return content === undefined ? undefined : new FromClient(content)
}

/** A fact that rests on a client's word, whatever else it rests on. */
function claimed(fact: Fact): Fact {
  return { ...fact, confidence: weakest(fact.confidence, 'claimed') } as Fact
}
