import type { RunStep } from '../reader/steps/run-step.js'
import { MAX_LISTED, type RunTree } from '../reader/summaries/run-summary.js'
import { LIST_OF } from '../reader/summaries/step-kinds.js'
import { StreamedObject } from './streamed-json.js'
import type { StepsOf } from './tree-lines.js'

/** A run and those below it with lists that leave nothing out: what a summary has no room for is read while it is written. */
export function wholeRun(run: RunTree, stepsOf: StepsOf): StreamedObject {
  const whole: Record<string, unknown> = { ...run, subRuns: run.subRuns.map((subRun) => wholeRun(subRun, stepsOf)) }
  if (run.omitted > 0) {
    for (const [kind, list] of Object.entries(LIST_OF)) {
      if (run[list].length === MAX_LISTED) whole[list] = itemsOf(stepsOf(run), kind)
    }
    whole.omitted = 0
  }
  return new StreamedObject(Object.entries(whole))
}

async function* itemsOf(steps: AsyncIterable<RunStep>, kind: string): AsyncGenerator<unknown> {
  for await (const step of steps) {
    if (step.kind !== kind) continue
    yield step.kind === 'tool_call' ? step.call : step.event
  }
}
