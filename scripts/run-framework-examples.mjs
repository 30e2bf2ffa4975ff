import { runPackedExamples } from './packed-examples.mjs'

/*
 * Runs examples/frameworks: each has a framework and the file `run.mjs`.
 *
 *   npm run examples:frameworks                      all of them
 *   npm run examples:frameworks -- langgraph         one
 *   npm run examples:frameworks -- --update-locks    after a change of dependencies, theirs or ours
 */
await runPackedExamples('examples/frameworks', (node) => [node, 'run.mjs'], 60_000)
