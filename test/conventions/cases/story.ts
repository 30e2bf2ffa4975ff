import { startRecordingSdk } from '../../support/audited-sdk.js'
import type { CollectingLog } from '../../support/collecting-log.js'
import type { Dialect, Untold } from '../dialect.js'
import { Speaker, type SpokenAgent, type Within } from '../speaker.js'

type SdkOptions = Parameters<typeof startRecordingSdk>[1]

/** The course of one case, in the words of a dialect, and what is recorded of it. */
export interface Story extends SpokenAgent {
  readonly log: CollectingLog
  readonly speaker: Speaker
  /** Writes a call of the tool `search`, which ends as is said; well by default. */
  readonly callTool: (callId?: string, end?: Within) => Promise<void>
  /** Writes a call of a model. */
  readonly callModel: (input: number, output: number) => Promise<void>
  /** Ends the story, and with it all that has leaked. */
  readonly close: () => Promise<void>
}

export function doesTell({ untold = [] }: Dialect, fact: Untold): boolean {
  return !untold.includes(fact)
}

/** Begins a story with an agent called `planner`. */
export async function begin(dialect: Dialect, sdk: SdkOptions = {}): Promise<Story> {
  const { log, audit } = startRecordingSdk({}, sdk)
  const speaker = new Speaker(dialect)
  const { agent, finish, fail } = await speaker.agent('planner')
  return {
    log,
    speaker,
    agent,
    finish,
    fail,
    callTool: (callId = 'c-1', end = (call) => speaker.end(call)) =>
      speaker.call(agent, dialect.tool('search', callId), end),
    callModel: (input, output) => speaker.call(agent, dialect.model?.(input, output), (call) => speaker.end(call)),
    close: () => audit.shutdown(),
  }
}

/** Returns the types of recorded events that begin with a text, in order. */
export function typesOf(log: CollectingLog, prefix: string): readonly string[] {
  return log.types.filter((type) => type.startsWith(prefix))
}

/** Returns the tokens that were counted in all. */
export function sumOf(log: CollectingLog, field: 'inputTokens' | 'outputTokens'): number {
  return log.of('token_usage_updated').reduce((total, { data }) => total + data[field], 0)
}
