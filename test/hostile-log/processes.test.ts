import { type ChildProcess, execFileSync, fork } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, constants, openSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, readlink, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { openAuditLogReader } from '../../src/reader/index.js'
import { start } from '../cli/command-line.js'
import { AMPLE } from '../support/ample.js'
import { sharedBuild } from '../support/build.js'
import { fingerprint, writeSoundLog } from './hostile-log.js'

const dist = await sharedBuild()
let log: Awaited<ReturnType<typeof writeSoundLog>>
/** `TMPDIR` of all processes. */
let temporary: string
const children: ChildProcess[] = []

beforeAll(async () => {
  log = await writeSoundLog()
})
afterAll(async () => {
  await log.remove()
})
beforeEach(async () => {
  temporary = await mkdtemp(join(log.root, 'tmp-'))
  vi.stubEnv('TMPDIR', temporary)
})
afterEach(async () => {
  await Promise.all(children.splice(0).map(kill))
  vi.unstubAllEnvs()
})

async function startReader(): Promise<ChildProcess> {
  const child = fork(join(import.meta.dirname, 'reader.mjs'), [dist, log.directory])
  children.push(child)
  await once(child, 'message')
  return child
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill('SIGKILL')
  await exited
}

/** Opens and closes the log as the next reader does. */
async function readOnce(): Promise<void> {
  await (await openAuditLogReader(log.directory)).close()
}

describe.runIf(process.platform === 'linux')('what killed readers leave', () => {
  it('is removed by the next reader, which leaves alone what is read from, and the log as it was', async () => {
    const before = fingerprint(log.directory)
    const living = await startReader()
    const [ofLiving] = await readdir(temporary)
    const dead = await Promise.all([startReader(), startReader(), startReader()])
    await Promise.all(dead.map(kill))
    expect(await readdir(temporary)).toHaveLength(4)
    expect(fingerprint(log.directory)).not.toEqual(before)
    await readOnce()
    expect(await readdir(temporary)).toEqual([ofLiving])
    const exited = once(living, 'exit')
    living.send('close')
    await exited
    expect(living.exitCode).toBe(0)
    expect(await readdir(temporary)).toEqual([])
    expect(fingerprint(log.directory)).toEqual(before)
  })

  it('is removed also where the process has not been waited for, and its number has been given away', async () => {
    await kill(await startReader())
    const [left = ''] = await readdir(temporary)
    // The number is that of this process now, which started at another time.
    const given = left.replace(/\.\d+\.(\d+)-/, `.${process.pid}.$1-`)
    await mkdir(join(temporary, given), { mode: 0o700 })
    await readOnce()
    expect(await readdir(temporary)).toEqual([])
  })

  it('is left where it may be in use: in another PID namespace, but not since the machine was started anew', async () => {
    await kill(await startReader())
    const [left = ''] = await readdir(temporary)
    const elsewhere = left.replace(/\.\d+\./, '.1.')
    const [, bootId = ''] = /-([\da-f]+)\./.exec(left) ?? []
    const earlier = elsewhere.replace(
      bootId,
      bootId.replace(/^./, (digit) => (digit === '0' ? '1' : '0')),
    )
    for (const name of [elsewhere, earlier]) await mkdir(join(temporary, name), { mode: 0o700 })
    await readOnce()
    expect(await readdir(temporary)).toEqual([elsewhere])
  })

  it('is removed only where it is a directory of this user alone, and no link is followed', async () => {
    await kill(await startReader())
    const [left = ''] = await readdir(temporary)
    const precious = join(log.root, 'outside', 'precious')
    await mkdir(precious, { recursive: true })
    await writeFile(join(precious, 'file'), 'kept')
    // Within: what LevelDB makes, and a link.
    await symlink(precious, join(temporary, left, 'link'))
    const planted = (random: string) => join(temporary, left.replace(/-[^-]*$/, `-${random}`))
    await symlink(precious, planted('linked'))
    await writeFile(planted('file'), '')
    await mkdir(planted('open'), { mode: 0o755 })
    await mkdir(planted('others'), { mode: 0o700 })
    const canGiveAway = process.getuid?.() === 0
    if (canGiveAway) execFileSync('chown', ['65534', planted('others')])
    await mkdir(join(temporary, 'spanledger-reader-abcdef'), { mode: 0o700 })
    await readOnce()
    const names = await readdir(temporary)
    expect(names).not.toContain(left)
    expect(names).toHaveLength(canGiveAway ? 5 : 4)
    expect(await readFile(join(precious, 'file'), 'utf8')).toBe('kept')
  })
})

describe('the command line', () => {
  it.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('leaves nothing behind when it is ended by %s', async (signal) => {
    const child = start(dist, ['tail', '-f', '--log', log.directory])
    children.push(child)
    await once(child.stdout as NonNullable<ChildProcess['stdout']>, 'data')
    expect(await readdir(temporary)).toHaveLength(1)
    const closed = once(child, 'close')
    child.kill(signal)
    expect(await closed).toEqual([{ SIGINT: 130, SIGTERM: 143, SIGHUP: 129 }[signal], null])
    expect(await readdir(temporary)).toEqual([])
  })

  it('can be ended while it waits for a pipe that the user named', async () => {
    const pipe = join(log.root, 'pipe')
    execFileSync('mkfifo', [pipe])
    // Somebody may write to it, and does not.
    const held = openSync(pipe, constants.O_RDWR)
    const child = start(dist, ['verify', log.directory, '--checkpoint', pipe])
    children.push(child)
    // It has the pipe open.
    await vi.waitUntil(() => isOpen(pipe, child.pid), AMPLE)
    const closed = once(child, 'close')
    child.kill('SIGTERM')
    expect(await closed).toEqual([143, null])
    closeSync(held)
  })

  it('reads a checkpoint from a pipe', async () => {
    const script = 'exec "$0" "$1" verify "$2" --checkpoint <(cat "$2/checkpoint")'
    const main = join(dist, 'cli/index.js')
    execFileSync('bash', ['-c', script, process.execPath, main, log.directory])
    expect((await stat(join(log.directory, 'checkpoint'))).isFile()).toBe(true)
  })
})

/** Tells whether a process or a child of its own has a file open. */
async function isOpen(path: string, pid: number | undefined): Promise<boolean> {
  const listed = (text: string) => text.split(' ').filter((each) => each !== '')
  const below = listed(await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => ''))
  for (const each of [pid, ...below]) {
    for (const fd of await readdir(`/proc/${each}/fd`).catch(() => [])) {
      const target = await readlink(`/proc/${each}/fd/${fd}`).catch(() => '')
      if (target === path) return true
    }
  }
  return false
}
