import { join } from 'node:path'
import { expect, test } from 'vitest'
import { blocksOf, lasting, printedLines, root } from './blocks.js'

// In a file of its own: the demo starts an SDK, and a process has one.
test('the demo prints what the README shows of it', async () => {
  const printed = printedLines()
  await import(join(root, 'examples/demo/run.mjs'))
  const [, shown = 'nothing'] = blocksOf('text')
  expect(lasting(printed())).toContain(lasting(shown))
})
