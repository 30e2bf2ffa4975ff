import { type StepsOf, treeLines } from '../../src/cli/tree-lines.js'
import type { RunTree } from '../../src/reader/index.js'

/** The lines of a run as a tree, without colours. */
export async function linesOf(run: RunTree | undefined, stepsOf: StepsOf = noSteps): Promise<string[]> {
  const lines: string[] = []
  if (run) for await (const line of treeLines(run, stepsOf, (_, text) => text)) lines.push(line)
  return lines
}

function noSteps(): never {
  throw new Error('the steps of a run whose summary lists all are not asked for')
}
