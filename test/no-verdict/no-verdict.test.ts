import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { readdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { ended, start } from '../cli/command-line.js'
import { buildBeside } from '../support/build.js'
import { LedgerOfLogs } from '../verify/ledger-of-logs.js'
import { writeLog } from '../verify/tampered-log.js'

// Many processes, two at a time.
vi.setConfig({ testTimeout: 240_000 })

// Exit codes of verdicts are reached by verdicts alone: whatever ends the process that verifies a sound log.
let built: ReturnType<typeof buildBeside>
let log: Awaited<ReturnType<typeof writeLog>>
beforeAll(async () => {
  built = buildBeside(import.meta.dirname)
  log = await writeLog([100, 290, 650])
})
afterAll(async () => {
  await log.remove()
  built.remove()
})

const verify = (env: NodeJS.ProcessEnv, ...args: string[]) =>
  ended(start(built.dist, ['verify', log.directory, '-k', log.vkey, ...args], env))

/** Lets the process that reads the log do something as soon as it begins to. */
async function whenReading(action: string): Promise<NodeJS.ProcessEnv> {
  const script = join(log.root, `${action.replace(/\W+/g, '-').slice(0, 40)}.cjs`)
  await writeFile(
    script,
    `const { send } = process
    process.send = send && ((message, ...rest) => {
      const sent = send.call(process, message, ...rest)
      if ('reads' in message) { ${action} }
      return sent
    })`,
  )
  return { NODE_OPTIONS: `--require=${script}` }
}

describe('nothing is said of a sound log', () => {
  it.each(['SIGABRT', 'SIGSEGV', 'SIGBUS'])('when %s ends the process that reads', async (signal) => {
    const env = await whenReading(`process.kill(process.pid, '${signal}')`)
    for (const format of [[], ['--json']]) {
      const { code, out, err } = await verify(env, ...format)
      expect({ code, out }).toEqual({ code: 70, out: '' })
      expect(err).toContain(`died of ${signal}`)
    }
  })

  it('when somebody kills it', async () => {
    for (const [signal, exitCode] of [
      ['SIGKILL', 137],
      ['SIGTERM', 143],
    ] as const) {
      const env = await whenReading(`process.kill(process.pid, '${signal}')`)
      expect(await verify(env)).toMatchObject({ code: exitCode, out: '' })
    }
  })

  it('when it is to end, and does not by itself', async () => {
    const env = await whenReading("process.stderr.write('busy'); for (;;);")
    const child = start(built.dist, ['verify', log.directory, '-k', log.vkey], env)
    await once(child.stderr as never, 'data')
    child.kill('SIGTERM')
    expect(await ended(child)).toMatchObject({ code: 143, out: '' })
  })

  it('when it runs out of memory', async () => {
    const env = await whenReading('for (const all = []; ; ) all.push(new Array(100_000).fill({}))')
    const { code, out } = await verify({ NODE_OPTIONS: `${env.NODE_OPTIONS} --max-old-space-size=40` })
    expect(out).toBe('')
    expect(code).toBe(70)
  })

  it.each([0, 1, 2, 5])('when Node.js ends it with %d', async (exitCode) => {
    expect(await verify(await whenReading(`process.exit(${exitCode})`))).toMatchObject({ code: 70, out: '' })
  })

  it('when something throws that nobody catches', async () => {
    const thrown = await verify(await whenReading("setImmediate(() => { throw new Error('a defect') })"))
    expect(thrown).toMatchObject({ code: 70, out: '', err: expect.stringContaining('a defect') })
    const rejected = await verify(await whenReading("Promise.reject(new Error('a defect'))"))
    expect(rejected).toMatchObject({ code: 70, out: '', err: expect.stringContaining('a defect') })
  })

  it('without a directory for temporary files', async () => {
    const file = join(log.root, 'a-file')
    await writeFile(file, '')
    for (const TMPDIR of [join(log.root, 'nowhere'), file]) {
      expect(await verify({ TMPDIR })).toMatchObject({ code: 75, out: '', err: expect.stringContaining('mkdtemp') })
    }
  })

  it('without a module that it needs', async () => {
    for (const module of ['inspection/inspect-rest.js', 'cli/main.js', 'cli/run.js', 'verify/verify-log.js']) {
      const path = join(built.dist, module)
      await rename(path, `${path}.away`)
      const { code, out } = await verify({})
      await rename(`${path}.away`, path)
      expect({ module, code, out }).toEqual({ module, code: 70, out: '' })
    }
  })

  it('when a thread cannot load its modules', async () => {
    const path = join(built.dist, 'inspection/inspection-thread.js')
    const worker = await readFile(path, 'utf8')
    await writeFile(path, `import './nothing.js'\n${worker}`)
    const { code, out } = await verify({}, '--threads', '2')
    await writeFile(path, worker)
    expect({ code, out }).toEqual({ code: 74, out: '' })
  })

  it('where its output cannot be written', async () => {
    const full = openSync('/dev/full', 'w')
    try {
      const args = [join(built.dist, 'cli/index.js'), 'verify', log.directory, '-k', log.vkey]
      const child = spawn(process.execPath, args, { stdio: ['ignore', full, 'pipe'] })
      const [[code], err] = await Promise.all([once(child, 'close'), text(child.stderr as Readable)])
      expect(code).toBe(74)
      expect(err).toContain('ENOSPC')
    } finally {
      closeSync(full)
    }
  })
})

describe('the verdict stands', () => {
  it('when nobody reads the output', async () => {
    const altered = await log.copy()
    await writeFile(join(altered, 'head'), 'nonsense')
    for (const [directory, verdict] of [
      [log.directory, 0],
      [altered, 5],
    ] as const) {
      const child = start(built.dist, ['verify', directory, '-k', log.vkey])
      child.stdout?.destroy()
      expect((await once(child, 'close'))[0]).toBe(verdict)
    }
  })

  it('when the process crashes on files that are damaged, whatever the crash is', async () => {
    const directory = await log.copy()
    const table = (await readdir(join(directory, 'entries'))).find((name) => name.endsWith('.ldb')) as string
    const bytes = await readFile(join(directory, 'entries', table))
    bytes[20] = (bytes[20] as number) ^ 1
    await writeFile(join(directory, 'entries', table), bytes)
    for (const signal of ['SIGSEGV', 'SIGKILL']) {
      const env = await whenReading(`process.kill(process.pid, '${signal}')`)
      const { code, out } = await ended(start(built.dist, ['verify', directory, '-k', log.vkey, '--json'], env))
      expect(code).toBe(5)
      expect(JSON.parse(out)).toMatchObject({
        status: 'altered',
        problems: [{ kind: 'database_unreadable', message: expect.stringContaining(table) }],
      })
    }
  })
})

it('says which log of a ledger the process crashed on, where its files are damaged', async () => {
  const ledger = await LedgerOfLogs.make([0, 1])
  try {
    const entries = join(ledger.directoryOf(1), 'entries')
    const table = (await readdir(entries)).find((name) => name.endsWith('.ldb')) as string
    const bytes = await readFile(join(entries, table))
    bytes[20] = (bytes[20] as number) ^ 1
    await writeFile(join(entries, table), bytes)
    const env = await whenReading("if (message.reads.endsWith('1')) process.kill(process.pid, 'SIGSEGV')")
    const args = ['verify', ledger.location, '-k', await ledger.vkeyOf(0), '--json']
    const { code, out } = await ended(start(built.dist, args, env))
    expect(code).toBe(5)
    expect(JSON.parse(out)).toMatchObject({
      status: 'altered',
      location: ledger.directoryOf(1),
      problems: [{ kind: 'database_unreadable', message: expect.stringContaining(table) }],
    })
  } finally {
    await ledger.remove()
  }
})

it('no other command ends with 1 either', async () => {
  const { dist } = built
  const script = join(log.root, 'defect.cjs')
  await writeFile(
    script,
    `const wait = () => {
      if (process.listenerCount('uncaughtException') === 0) return setImmediate(wait)
      throw new Error('a defect')
    }
    wait()`,
  )
  const { code: defect } = await ended(
    start(dist, ['tail', '-f', '--log', log.directory], { NODE_OPTIONS: `--require=${script}` }),
  )
  expect(defect).toBe(70)
  for (const args of [['query'], ['doctor'], ['export'], ['stats'], ['prove', '0']]) {
    const { code } = await ended(start(dist, [...args, '--log', join(log.root, 'nothing')]))
    expect([args[0], code]).toEqual([args[0], 66])
  }
})
