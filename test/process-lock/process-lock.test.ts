import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openAuditLog } from '../../src/audit-log/index.js'
import { sharedBuild } from '../support/build.js'

const BY_THIS_PROCESS = expect.stringMatching(/^AUDIT_LOG_LOCKED .* is open in this process already/)
const BY_ANOTHER_PROCESS = expect.stringMatching(/^AUDIT_LOG_LOCKED .* is open in another process/)

const dist = await sharedBuild()
let base: string
let directory: string
const ends: (() => Promise<unknown>)[] = []

beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'spanledger-'))
  directory = join(base, 'audit')
})
afterEach(async () => {
  await Promise.all(ends.splice(0).map((end) => end()))
  await rm(base, { recursive: true })
})

interface Opener {
  tell(act: 'open' | 'close'): Promise<unknown>
  end(): Promise<unknown>
}

const script = join(import.meta.dirname, 'opener.mjs')

async function startProcess(path = directory): Promise<Opener> {
  const child = fork(script, [dist, path])
  const exited = once(child, 'exit')
  const end = async () => {
    child.kill('SIGKILL')
    await exited
  }
  ends.push(end)
  await once(child, 'message')
  const tell = async (act: string) => {
    const answered = once(child, 'message')
    child.send(act)
    return (await answered)[0]
  }
  return { tell, end }
}

async function startThread(path = directory): Promise<Opener> {
  const worker = new Worker(script, { workerData: [dist, path] })
  const end = () => worker.terminate()
  ends.push(end)
  await once(worker, 'message')
  const tell = async (act: string) => {
    const answered = once(worker, 'message')
    worker.postMessage(act)
    return (await answered)[0]
  }
  return { tell, end }
}

test('a child process that was started while the log was open can open it once that is closed', async () => {
  const log = await openAuditLog(directory)
  const child = await startProcess()
  expect(await child.tell('open')).toEqual(BY_ANOTHER_PROCESS)
  await log.close()
  expect(await child.tell('open')).toBe('open')
  await expect(openAuditLog(directory)).rejects.toMatchObject({ message: expect.stringMatching(/in another process/) })
  await child.end()
  await (await openAuditLog(directory)).close()
})

test('a second opening in the process is refused, by whatever path, and does not let another process in', async () => {
  const link = join(base, 'link')
  const log = await openAuditLog(directory)
  await symlink(directory, link)
  for (const path of [directory, link, join(base, 'audit', '..', 'audit')]) {
    await expect(openAuditLog(path)).rejects.toMatchObject({
      code: 'AUDIT_LOG_LOCKED',
      message: expect.stringMatching(/in this process already/),
    })
  }
  const child = await startProcess(link)
  expect(await child.tell('open')).toEqual(BY_ANOTHER_PROCESS)
  await log.close()
})

test('threads of a process keep each other out, and other processes with them', async () => {
  const link = join(base, 'link')
  await symlink(directory, link)
  const [first, second, child] = [await startThread(), await startThread(link), await startProcess()]
  expect(await first.tell('open')).toBe('open')
  expect(await second.tell('open')).toEqual(BY_THIS_PROCESS)
  await expect(openAuditLog(directory)).rejects.toMatchObject({ code: 'AUDIT_LOG_LOCKED' })
  expect(await child.tell('open')).toEqual(BY_ANOTHER_PROCESS)
  expect(await first.tell('close')).toBe('close')
  expect(await second.tell('open')).toBe('open')
})

test('of two threads that open the log at the same moment one has it, and its lock', async () => {
  const threads = [await startThread(), await startThread()]
  const outcomes = await Promise.all(threads.map((thread) => thread.tell('open')))
  expect(outcomes.sort()).toEqual([BY_THIS_PROCESS, 'open'])
  const child = await startProcess()
  expect(await child.tell('open')).toEqual(BY_ANOTHER_PROCESS)
})

test('a thread that is terminated leaves the log to others', async () => {
  const thread = await startThread()
  expect(await thread.tell('open')).toBe('open')
  await thread.end()
  const log = await openAuditLog(directory)
  await log.close()
})
