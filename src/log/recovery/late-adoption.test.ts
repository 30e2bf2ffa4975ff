import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { memoryStore } from '../../store/memory/index.js'
import { systemClock } from '../sealing/clock.js'
import { Sealer } from '../sealing/seal.js'
import { StagedQueue } from '../staging/staged-queue.js'
import { adoptStaging } from './adopt-staging.js'

test('an open log leaves what its own process is just handing over', async () => {
  const staging = join(mkdtempSync(join(tmpdir(), 'spanledger-')), 'staging')
  onTestFinished(() => rmSync(join(staging, '..'), { recursive: true, force: true }))
  const store = memoryStore()
  await store.open()
  const queue = new StagedQueue({ staging })
  onTestFinished(() => queue.release())
  queue.record({ type: 'custom', data: { name: 'mine' } }, false)
  await queue.claimFor(store.id)
  const refuse = () => Promise.reject(new Error('nothing is to be taken over'))
  const adopted = await adoptStaging({
    staging,
    store,
    sealer: new Sealer(systemClock(), 'test.example/log'),
    journalKey: undefined,
    report: () => {},
    open: { log: { add: refuse, state: refuse, commit: refuse }, onBegin: () => {} },
  })
  expect(adopted).toMatchObject({ events: 0, begun: [] })
  expect(readdirSync(staging)).toHaveLength(1)
})
