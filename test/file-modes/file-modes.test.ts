import { type ChildProcess, execFileSync, fork } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, chownSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { AMPLE } from '../support/ample.js'
import { sharedBuild } from '../support/build.js'

/** Only root can become another user. Without it, what others may do is told by the modes alone. */
const IS_ROOT = process.getuid?.() === 0
const NOBODY = 65_534
const AUDITORS = 65_533
const STRANGERS = 65_532
/** Twice a write buffer of LevelDB, so that there are tables which it made while it was open. */
const EVENTS = 2_000

const dist = await sharedBuild()
let base: string
let directory: string
const writers: ChildProcess[] = []

beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'spanledger-modes-'))
  chmodSync(base, 0o755)
  directory = join(base, 'audit')
})
afterEach(() => {
  for (const writer of writers.splice(0)) writer.kill('SIGKILL')
  rmSync(base, { recursive: true, force: true })
})

interface Writing {
  readonly umask: string
  readonly mode?: 'group'
  readonly gid?: number
  readonly events?: number
}

async function write({ umask, mode, gid, events = 50 }: Writing): Promise<ChildProcess> {
  const args = [dist, directory, umask, mode ?? '', IS_ROOT && gid !== undefined ? String(gid) : '', String(events)]
  const writer = fork(join(import.meta.dirname, 'writer.mjs'), args)
  writers.push(writer)
  const [message] = await Promise.race([once(writer, 'message'), once(writer, 'exit')])
  expect(message).toBe('open')
  return writer
}

async function close(writer: ChildProcess): Promise<void> {
  const ended = once(writer, 'exit')
  writer.send('close')
  await ended
}

/** The modes of all that is there, by kind: those of keys apart. */
function modes(): Record<'directories' | 'files' | 'keys', readonly string[]> {
  const found = { directories: new Set<string>(), files: new Set<string>(), keys: new Set<string>() }
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name)
    const mode = (statSync(path).mode & 0o7777).toString(8)
    if (path.startsWith(join(directory, 'keys'))) found.keys.add(mode)
    else found[entry.isDirectory() ? 'directories' : 'files'].add(mode)
  }
  found.directories.add((statSync(directory).mode & 0o7777).toString(8))
  return { directories: [...found.directories].sort(), files: [...found.files].sort(), keys: [...found.keys].sort() }
}

/** Reads the log as another user, or tells why that cannot be. */
function readAs(uid: number, gid: number): unknown {
  if (!IS_ROOT) return undefined
  const vkey = readFileSync(join(directory, 'keys', 'signing.vkey'), 'utf8').trim()
  const args = [join(import.meta.dirname, 'auditor.mjs'), dist, directory, String(uid), String(gid)]
  return JSON.parse(execFileSync(process.execPath, args, { env: { ...process.env, VKEY: vkey }, encoding: 'utf8' }))
}

const READ = IS_ROOT ? { key: 'EACCES', reads: EVENTS, status: 'verified', told: '' } : undefined
const DENIED = IS_ROOT
  ? {
      key: 'EACCES',
      reads: 0,
      status: expect.stringMatching(/^AUDIT_/),
      told: expect.stringMatching(/^spanledger: Cannot/),
    }
  : undefined

describe.skipIf(process.platform === 'win32')(
  `modes of files (${IS_ROOT ? 'read by other users' : 'not root: modes alone'})`,
  () => {
    it('are for the owner alone by default, whatever LevelDB makes of the umask', async () => {
      const writer = await write({ umask: '0000' })
      expect(modes()).toMatchObject({ directories: ['700'], keys: ['600', '700'] })
      expect(readAs(NOBODY, AUDITORS)).toEqual(DENIED)
      await close(writer)
      await close(await write({ umask: '0077' }))
      expect(modes()).toMatchObject({ directories: ['700'], keys: ['600', '700'] })
    })

    it.each(['0022', '0077'])(
      'are open to the group when readable by the group, keys excepted (umask %s)',
      async (umask) => {
        const writer = await write({ umask, mode: 'group', gid: AUDITORS, events: EVENTS })
        const entries = () => readdirSync(join(directory, 'entries'))
        await vi.waitUntil(() => entries().some((name) => name.endsWith('.ldb')), AMPLE)
        expect(readAs(NOBODY, AUDITORS)).toEqual(READ)
        expect(readAs(NOBODY, STRANGERS)).toEqual(DENIED)
        expect(modes()).toMatchObject({ directories: ['750'], keys: ['600', '700'] })
        await close(writer)
        // Each file may be read by the group, also those that LevelDB made while it was open.
        for (const mode of modes().files) expect(Number.parseInt(mode, 8) & 0o750).toBe(0o640)
      },
      120_000,
    )

    it('are open to the group where the log was there before the option', async () => {
      await close(await write({ umask: '0077' }))
      await close(await write({ umask: '0077', mode: 'group' }))
      expect(modes()).toMatchObject({ directories: ['750'], files: ['640'], keys: ['600', '700'] })
    })

    it('stay what an administrator made them: mode, group and setgid bit', async () => {
      await close(await write({ umask: '0077' }))
      const paths = ['', 'entries', 'index', 'journal'].map((name) => join(directory, name))
      for (const path of paths) {
        if (IS_ROOT) chownSync(path, 0, AUDITORS)
        chmodSync(path, 0o2750)
      }
      for (const name of ['checkpoint', 'head']) {
        if (IS_ROOT) chownSync(join(directory, name), 0, AUDITORS)
        chmodSync(join(directory, name), 0o640)
      }
      const writer = await write({ umask: '0077' })
      for (const path of paths) expect(statSync(path).mode & 0o7777, path).toBe(0o2750)
      for (const name of ['checkpoint', 'head']) expect(statSync(join(directory, name)).mode & 0o777, name).toBe(0o640)
      if (IS_ROOT) {
        for (const path of [...paths, join(directory, 'checkpoint')]) expect(statSync(path).gid, path).toBe(AUDITORS)
        expect(readAs(NOBODY, STRANGERS)).toEqual(DENIED)
      }
      await close(writer)
    })

    it.skipIf(!IS_ROOT)('of staging journals may be closed to those who read the log, which tells of it', async () => {
      await close(await write({ umask: '0022', mode: 'group', gid: AUDITORS }))
      mkdirSync(join(directory, 'staging'), { mode: 0o700, recursive: true })
      const told = expect.stringMatching(/^The journal of a process cannot be read: EACCES.*staging/)
      expect(readAs(NOBODY, AUDITORS)).toEqual({ ...READ, reads: 50, told })
    })

    it('stay closed below a directory that everybody may enter', async () => {
      mkdirSync(directory, { mode: 0o755 })
      chmodSync(directory, 0o755)
      await close(await write({ umask: '0022' }))
      expect(statSync(directory).mode & 0o777).toBe(0o755)
      for (const name of ['entries', 'index', 'journal', 'keys']) {
        expect(statSync(join(directory, name)).mode & 0o777, name).toBe(0o700)
      }
      for (const name of ['checkpoint', 'head']) expect(statSync(join(directory, name)).mode & 0o777, name).toBe(0o600)
    })

    it('keep the key to its owner where an administrator opened everything', async () => {
      await close(await write({ umask: '0077' }))
      execFileSync('chmod', ['-R', 'g+rX', directory])
      await close(await write({ umask: '0077' }))
      expect(statSync(join(directory, 'keys', 'signing.key')).mode & 0o777).toBe(0o600)
      expect(statSync(join(directory, 'entries')).mode & 0o777).toBe(0o750)
    })
  },
)
