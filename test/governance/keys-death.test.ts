import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { expect, test } from 'vitest'
import type { Subject } from '../../src/content/contract.js'
import { FileContentKeys } from '../../src/content/keys/file-keys.js'
import { keyFileProvider } from '../../src/content/keys/provider.js'
import { rotateContentKey } from '../../src/governance/index.js'
import { openAuditLog, openAuditLogReader } from '../../src/index.js'
import { sharedBuild } from '../support/build.js'
import { base, directory, useTestDirectory } from '../support/test-directory.js'

useTestDirectory()
const dist = await sharedBuild()
const worker = join(import.meta.dirname, 'keys-worker.mjs')
const ann: Subject = { tenantId: 't', kind: 'actor', id: 'ann' }

function opened(at: string, keyFile = join(at, 'provider.key')) {
  const problems: string[] = []
  const keys = new FileContentKeys({
    directory: at,
    provider: keyFileProvider(keyFile),
    use: 'writing',
    report: ({ message }) => problems.push(message),
  })
  return { keys, problems }
}

/** Runs a process that is killed ahead of one step. @returns whether it was */
async function diesAt(act: string, step: number, ...operands: readonly string[]): Promise<boolean> {
  const child = spawn(process.execPath, [worker, dist, act, `${step}`, ...operands], { stdio: 'inherit' })
  const [code, signal] = await once(child, 'exit')
  if (signal === null) expect(code).toBe(0)
  return signal === 'SIGKILL'
}

function filesIn(at: string): string[] {
  const found = readdirSync(at, { recursive: true, withFileTypes: true })
  return found.filter((entry) => entry.isFile()).map(({ name }) => name)
}

test('processes that need the first keys at once have the same ones', async () => {
  const children = Array.from({ length: 4 }, () =>
    spawn(process.execPath, [worker, dist, 'race'], { stdio: ['pipe', 'pipe', 'inherit'] }),
  )
  const exits = children.map((child) => once(child, 'exit'))
  const lines = children.map((child) => createInterface(child.stdout)[Symbol.asyncIterator]())
  const answers = () => Promise.all(lines.map(async (each) => (await each.next()).value as string))
  expect(await answers()).toEqual(Array(4).fill('ready'))
  for (let round = 0; round < 10; round++) {
    const at = join(base, `keys-${round}`)
    for (const child of children) child.stdin.write(`${at}\n`)
    const made = (await answers()).map((line) => JSON.parse(line))
    for (const each of made) expect(each).toEqual({ ids: made[0].ids, problems: [] })
    expect(new Set(made[0].ids).size).toBe(2)
    expect(readdirSync(at).sort()).toEqual(['ids', 'ledger', 'provider.key', 'subjects'])
    expect(filesIn(join(at, 'ids')).sort()).toEqual([...made[0].ids].sort())
    expect(filesIn(join(at, 'subjects')).length).toBe(2)
    expect(opened(at).keys.keyFor(ann)?.id).toBe(made[0].ids[0])
  }
  for (const child of children) child.stdin.end()
  await Promise.all(exits)
})

test('a process that is killed at any step of making keys leaves none that cannot be used', async () => {
  for (let step = 0; ; step++) {
    const at = join(base, `killed-${step}`)
    const isKilled = await diesAt('make', step, at)
    const { keys, problems } = opened(at)
    const key = keys.keyFor(ann)
    expect(problems).toEqual([])
    expect(key).toBeDefined()
    expect(opened(at).keys.keyOf(key?.id as string)).toMatchObject({ id: key?.id })
    const left = readdirSync(at).filter((name) => name.startsWith('.'))
    for (const name of left) utimesSync(join(at, name), 0, 0)
    expect(opened(at).keys.keyFor(ann)?.id).toBe(key?.id)
    expect(readdirSync(at).sort()).toEqual(['ids', 'ledger', 'provider.key', 'subjects'])
    if (isKilled) continue
    expect(step).toBeGreaterThan(20)
    break
  }
}, 240_000)

test('a process that is killed at any step of a rotation leaves a key that the one or the other provider opens', async () => {
  const outcomes = new Set<string>()
  for (let step = 0; ; step++) {
    const at = join(base, `rotated-${step}`)
    const key = opened(at).keys.keyFor(ann)
    const next = join(base, `next-${step}.key`)
    writeFileSync(next, randomBytes(32).toString('base64'), { mode: 0o600 })
    const isKilled = await diesAt('rotate', step, at, join(at, 'provider.key'), next)
    const [old, now] = [opened(at).keys.keyFor(ann)?.id, opened(at, next).keys.keyFor(ann)?.id]
    expect([old, now].filter((id) => id !== undefined)).toEqual([key?.id])
    outcomes.add(old === undefined ? 'new' : 'old')
    if (isKilled) continue
    expect(old).toBeUndefined()
    break
  }
  expect([...outcomes]).toEqual(['old', 'new'])
}, 120_000)

test('content of a process that goes on writing during a rotation is read with the new key', async () => {
  const writer = spawn(process.execPath, [join(import.meta.dirname, 'writer.mjs'), dist, directory, 'journal'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exited = once(writer, 'exit')
  const keys = join(directory, 'keys', 'content')
  const next = join(base, 'next.key')
  writeFileSync(next, randomBytes(32).toString('base64'), { mode: 0o600 })
  let said = 0
  for await (const _ of createInterface(writer.stdout)) {
    said++
    if (said === 30) {
      const own = keyFileProvider(join(keys, 'provider.key'))
      await rotateContentKey({ directory: keys, from: own, to: keyFileProvider(next) })
    }
    if (said === 60) writer.kill('SIGKILL')
  }
  await exited
  const contentKeys = { keyFile: next }
  const log = await openAuditLog(directory, {
    contentKeys,
    on: { problem: (problem) => expect(problem).toBeUndefined() },
  })
  await log.close()
  const reader = await openAuditLogReader(directory, { contentKeys })
  const events = await reader.events({ type: 'error_occurred', content: 'all' }).toArray()
  expect(events.length).toBeGreaterThanOrEqual(60)
  for (const { data } of events) expect(data.error.message).toMatch(new RegExp(`^message ${data.operation} x*$`))
  await reader.close()
  expect(readFileSync(join(keys, 'ledger'), 'utf8')).toContain('provider key-file\n')
})
