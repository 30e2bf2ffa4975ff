import { expect, test } from 'vitest'
import { content } from '../../src/index.js'
import { directory, openAt, useLogDirectory } from '../support/log-directory.js'

useLogDirectory()

const TEXT = 'Ann called twice. She is still waiting for an answer.'

test.each([
  ['as all of its data', { type: 'custom', data: content(TEXT) }],
  ['as all of the data of a type with content', { type: 'run_cancelled', data: content(TEXT) }],
  ['as what a member becomes', { type: 'custom', data: { name: 'n', note: { toJSON: () => content(TEXT) } } }],
])('an entry has no value that is declared to be content %s', async (_, event) => {
  const log = await openAt(directory)
  log.record(event as never)
  await log.flush()
  let entries = 0
  for await (const { bytes } of log.entries()) {
    entries++
    expect(Buffer.from(bytes).toString()).not.toContain(TEXT)
  }
  expect(entries).toBeGreaterThan(0)
})
