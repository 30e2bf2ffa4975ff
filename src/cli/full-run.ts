import type { StoredEvent } from '../events/types.js'
import type { RunStep } from '../reader/steps/run-step.js'
import { MAX_LISTED, type RunTree } from '../reader/summaries/run-summary.js'
import { EVENT_LISTS, typesOfList } from '../reader/summaries/step-kinds.js'
import { StreamedObject } from './streamed-json.js'
import type { StepsOf } from './tree-lines.js'

/** Reads the events of a run that are of some types. */
export type EventsOf = (run: RunTree, types: readonly string[]) => AsyncIterable<StoredEvent>

/**
 * A run and those below it with lists that leave nothing out. What a summary has no room for is read while it is written: the events
 * of a list by their types, and the steps of a run for its calls alone.
 */
export function fullRun(run: RunTree, stepsOf: StepsOf, eventsOf: EventsOf): StreamedObject {
  const subRuns = run.subRuns.map((subRun) => fullRun(subRun, stepsOf, eventsOf))
  const whole: Record<string, unknown> = { ...run, subRuns }
  if (run.omitted > 0) {
    if (run.toolCalls.length === MAX_LISTED) whole.toolCalls = callsIn(stepsOf(run))
    for (const list of EVENT_LISTS) {
      if (run[list].length === MAX_LISTED) whole[list] = eventsOf(run, typesOfList(list))
    }
    whole.omitted = 0
  }
  return new StreamedObject(Object.entries(whole))
}

async function* callsIn(steps: AsyncIterable<RunStep>): AsyncGenerator<unknown> {
  for await (const step of steps) if (step.kind === 'tool_call') yield step.call
}
