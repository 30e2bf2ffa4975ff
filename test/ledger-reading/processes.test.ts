import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import { expect, test } from 'vitest'
import { openAuditLogReader } from '../../src/reader/index.js'
import { run } from '../cli/command-line.js'
import { sharedBuild } from '../support/build.js'
import { ledgerDirectory } from './ledger-directory.js'

const dist = await sharedBuild()
const ledger = ledgerDirectory()

type Writer = ChildProcessByStdio<Writable, Readable, null>

/** A process that writes a log; `said` waits for its next answer. */
async function writer(number: number) {
  const child: Writer = spawn(
    process.execPath,
    [join(import.meta.dirname, 'writer.mjs'), dist, ledger.logDirectory(number)],
    {
      stdio: ['pipe', 'pipe', 'inherit'],
    },
  )
  const exited = once(child, 'exit')
  ledger.onEnd(async () => {
    child.kill('SIGKILL')
    await exited
  })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  await lines.next()
  return {
    exited,
    async say(line: string) {
      child.stdin.write(`${line}\n`)
      await lines.next()
    },
  }
}

test('following finds what processes write, and the log of one that comes later, and goes on from its cursor', async () => {
  const zero = await writer(0)
  await zero.say('append a')
  const reader = await openAuditLogReader(ledger.location, { refreshMillis: 0 })
  ledger.onEnd(() => reader.close())
  const following = reader.follow({}, { pollMillis: 1 })
  const events = following[Symbol.asyncIterator]()
  const next = async () => {
    const { value } = await events.next()
    return [value.log, value.data.name]
  }
  expect(await next()).toEqual([undefined, 'a'])
  const one = await writer(1)
  await one.say('append b')
  expect(await next()).toEqual([1, 'b'])
  await zero.say('append c')
  expect(await next()).toEqual([0, 'c'])
  const { cursor } = following
  await events.return?.()
  await one.say('append d')
  const rest = reader.follow({}, { pollMillis: 1, after: cursor as string })[Symbol.asyncIterator]()
  expect((await rest.next()).value).toMatchObject({ log: 1, data: { name: 'd' } })
  await rest.return?.()
})

test('what a process left in its journal is told by every command, and shown on request, also of a copy', async () => {
  const one = await writer(0)
  await one.say('append committed')
  one.say('exit left').catch(() => undefined)
  await one.exited
  const copy = join(ledger.root, 'copy')
  await cp(ledger.location, copy, { recursive: true })
  for (const directory of [ledger.location, copy]) {
    for (const command of ['query', 'runs', 'sessions', 'agents', 'stats', 'tail', 'export']) {
      const { code, err } = await run([command, '--log', directory])
      expect(code).toBe(0)
      expect(err).toContain('3 events are not committed yet')
    }
    const shown = await run(['query', '--pending', '--jsonl', '--log', directory])
    const events = shown.out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { seq: number | null; data: object })
    expect(events.map(({ seq, data }) => [seq, data])).toEqual([
      [0, { name: 'committed' }],
      [null, { name: 'left-0' }],
      [null, { name: 'left-1' }],
      [null, { name: 'left-2' }],
    ])
    expect((await run(['query', '--count', '--log', directory])).out).toBe('1\n')
    expect((await run(['tail', '--pending', '--log', directory])).out).toContain('–')
    expect((await run(['show', 'r-1', '--pending', '--log', directory])).out).toContain('left-2')
  }
})
