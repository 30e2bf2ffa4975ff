import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openAuditLog } from '../../src/index.js'
import { sharedBuild } from '../support/build.js'
import { directory, useTestDirectory } from '../support/test-directory.js'

useTestDirectory()
const dist = await sharedBuild()

/** Lets a process record until it has said so often enough, and kills it. @returns how many events it recorded at least */
async function recordAndDie(durability: string, first: number, events: number): Promise<number> {
  const args = [join(import.meta.dirname, 'writer.mjs'), dist, directory, durability, `${first}`]
  const writer = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const exited = once(writer, 'exit')
  let said = ''
  for await (const chunk of writer.stdout) {
    said += String(chunk)
    if (said.split('\n').length > events) writer.kill('SIGKILL')
  }
  await exited
  return said.split('\n').length - 1
}

test.each(['journal', 'journal-behind', 'flush-only'])(
  'no entry of a process that was killed promises content which is not there (%s)',
  async (durability) => {
    let next = 0
    for (const events of [3, 25, 210]) {
      const recorded = next + (await recordAndDie(durability, next, events))
      const log = await openAuditLog(directory, { on: { problem: () => {} } })
      const found = await log.events({ type: 'error_occurred', content: 'all' }).toArray()
      if (durability === 'journal') expect(found.length).toBeGreaterThanOrEqual(recorded)
      for (const event of found) {
        expect(event.data.error.message).toMatch(new RegExp(`^message ${event.data.operation} x*$`))
        expect(await log.content(event)).toMatchObject([{ status: 'readable' }])
      }
      next = Math.max(recorded, found.length)
      await log.close()
    }
    expect(next).toBeGreaterThan(200)
  },
)
