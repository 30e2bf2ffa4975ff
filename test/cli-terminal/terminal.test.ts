import { spawn } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type AuditLog, openAuditLog } from '../../src/audit-log/index.js'
import { sharedBuild } from '../support/build.js'

// In a terminal: script(1), of util-linux, runs a command line in one.
const dist = await sharedBuild()
let folder: string
let log: AuditLog

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'spanledger-'))
  log = await openAuditLog(join(folder, 'audit'))
  await log.append({ type: 'run_started', runId: 'r-1', data: { agent: { name: 'planner' } } })
  await log.append({ type: 'run_failed', runId: 'r-1', data: { error: { code: 'Timeout', message: '\u001b[2J' } } })
})

afterAll(async () => {
  await log.close()
  await rm(folder, { recursive: true, force: true })
})

function terminal(commandLine: string, env: NodeJS.ProcessEnv = {}) {
  const command = commandLine.replace('spanledger', `"${process.execPath}" "${join(dist, 'cli/index.js')}"`)
  const { NO_COLOR: _, ...inherited } = process.env
  return spawn('script', ['--quiet', '--return', '--command', command, '/dev/null'], {
    env: { ...inherited, TERM: 'xterm', SPANLEDGER_LOG: join(folder, 'audit'), TMPDIR: folder, ...env },
  })
}

async function typed(commandLine: string, env: NodeJS.ProcessEnv = {}): Promise<{ code: number; seen: string }> {
  const child = terminal(commandLine, env)
  const exit = new Promise<number>((resolve) => child.once('close', resolve))
  const [seen, code] = await Promise.all([text(child.stdout), exit])
  return { code, seen: seen.replaceAll('\r\n', '\n') }
}

describe('in a terminal', () => {
  it('there are colours, unless they are not wanted or not to be had', async () => {
    const coloured = await typed('spanledger query --content diagnostics')
    expect(coloured.seen).toContain('\u001b[31mrun_failed')
    expect(coloured.seen).toContain('\\u{1b}[2J')
    for (const env of [{ NO_COLOR: '1' }, { TERM: 'dumb' }]) {
      const { seen } = await typed('spanledger query', env)
      expect(seen).toContain('run_failed')
      expect(seen).not.toContain('\u001b')
    }
  })

  it('what another program is to read has none', async () => {
    for (const format of ['--json', '--jsonl']) {
      expect((await typed(`spanledger runs ${format}`)).seen).not.toContain('\u001b')
    }
  })

  it('an export tells where the next one goes on, beside what it writes', async () => {
    const file = join(folder, 'redirected.jsonl')
    const { code, seen } = await typed(`spanledger export > "${file}"`)
    expect({ code, seen }).toEqual({
      code: 0,
      seen: expect.stringMatching(/^2 events, seq 0 to 1, .* B; the next export goes on with --after-seq 1\n$/),
    })
    expect((await readFile(file, 'utf8')).split('\n')).toHaveLength(3)
  })

  it('a full disk behind the output is said, and leaves nothing behind', async () => {
    for (const command of ['query', 'export']) {
      const { code, seen } = await typed(`spanledger ${command} > /dev/full`)
      expect({ code, seen }).toEqual({
        code: 74,
        seen: expect.stringMatching(/^spanledger: cannot write .*ENOSPC.*\n$/),
      })
    }
    expect((await readdir(folder)).filter((name) => name.startsWith('spanledger-reader-'))).toEqual([])
  })

  it('nobody gets Parquet', async () => {
    const { code, seen } = await typed('spanledger export -f parquet')
    expect({ code, seen }).toEqual({
      code: 64,
      seen: 'spanledger: parquet is nothing for a terminal: give --output FILE\n',
    })
  })

  it('Ctrl-C ends tail -f in good order', async () => {
    const child = terminal('spanledger tail -f')
    const closed = new Promise<number>((resolve) => child.once('close', resolve))
    let seen = ''
    for await (const chunk of child.stdout) {
      seen += chunk
      if (seen.includes('run_failed') && !child.stdin.writableEnded) child.stdin.end('\u0003')
    }
    expect(await closed).toBe(130)
    expect(seen).not.toMatch(/Error|at .*\.js/)
    expect((await readdir(folder)).filter((name) => name.startsWith('spanledger-reader-'))).toEqual([])
  })
})
