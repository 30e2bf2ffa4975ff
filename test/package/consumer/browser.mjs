import { recordMemoryRecall, withRun } from 'spanledger/record'

// Bundled for browsers: the bundler fails where a module of Node.js is imported.
const answer = await withRun({ agentName: 'planner' }, async () => {
  recordMemoryRecall({ tier: 'long_term', hits: 0 })
  return 42
})
if (answer !== 42) throw new Error(`the run returned ${answer}`)
