import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { FoundProcesses } from '../../src/ledger/processes.js'
import { readProcesses } from '../../src/ledger/processes.js'
import type { AuditHealth } from '../../src/otel/health/contract.js'
import { run } from '../cli/command-line.js'
import { sharedBuild } from '../support/build.js'

const dist = await sharedBuild()

function temporaryDirectory(): string {
  const path = mkdtempSync(join(tmpdir(), 'spanledger-'))
  onTestFinished(() => rmSync(path, { recursive: true, force: true }))
  return path
}

function start(kind: string, location: string) {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'process.mjs'), dist, kind, location])
  const exited = once(child, 'close')
  let told = ''
  let warned = ''
  child.stderr.on('data', (chunk) => {
    warned += String(chunk)
  })
  child.stdout.on('data', (chunk) => {
    told += String(chunk)
  })
  return {
    child,
    exited,
    async said(): Promise<void> {
      while (!told.includes('\n')) await once(child.stdout, 'data')
    },
    async ended() {
      await exited
      const lines = told.split('\n').filter((line) => line !== '')
      return {
        told: lines.map((line) => JSON.parse(line) as AuditHealth),
        codes: [...warned.matchAll(/\[SPANLEDGER_(\w+)\]/g)].map(([, code]) => code),
        warned,
      }
    },
  }
}

const kindOf = async (kind: string) => await start(kind, join(temporaryDirectory(), 'audit')).ended()

describe('where everything is right, nothing is warned of', () => {
  test.each(['ordinary', 'unfinished', 'attachedLater', 'byHand', 'foreign', 'sampledAway', 'exporting', 'withheld'])(
    '%s',
    async (kind) => {
      const { told, warned } = await kindOf(kind)
      expect(warned).toBe('')
      expect(told).toMatchObject([{ counts: { events: expect.any(Number), dropped: 0, missed: 0 } }])
      expect(['audited', 'waiting']).toContain(told[0]?.status)
      expect(told[0]?.counts.events).toBeGreaterThan(0)
    },
  )

  test('nor where neither a provider nor an agent is there', async () => {
    const { told, warned } = await kindOf('nowhere')
    expect(warned).toBe('')
    expect(told).toMatchObject([{ status: 'waiting', reasons: [{ code: 'no_provider' }] }])
  })

  test('in a script that ends before anything has happened', async () => {
    expect(await kindOf('short')).toMatchObject({ told: [], warned: '' })
  })
})

describe('a process that is not audited says why, once', () => {
  test.each([
    ['beside', 'impaired', 'foreign_provider', 'spanProcessors: [audit]'],
    ['unattached', 'unaudited', 'no_log', 'attach(await openAuditLog(…))'],
    ['unlinked', 'impaired', 'no_context_manager', 'context.setGlobalContextManager('],
    ['switchedOff', 'unaudited', 'switched_off', 'unset SPANLEDGER_ENABLED'],
  ])('%s', async (kind, status, code, remedy) => {
    const { told, codes, warned } = await kindOf(kind)
    expect(told[0]).toMatchObject({ status, reasons: [{ code, message: expect.stringContaining(remedy) }] })
    expect(codes).toEqual([code.toUpperCase()])
    expect(warned).toContain(remedy)
    expect(warned).toContain(status === 'unaudited' ? 'Spanledger: Nothing is audited:' : 'Not everything is audited:')
  })

  test('a span that passes by is put on the record as a gap', async () => {
    const { told } = await kindOf('beside')
    expect(told[1]).toMatchObject([
      { type: 'auditing_impaired', statementOf: expect.any(String), data: { reasons: ['foreign_provider'], spans: 1 } },
    ])
  })
})

describe('the ledger', () => {
  test('shows a living process while it lives, and nothing of it after an orderly shutdown', async () => {
    const location = join(temporaryDirectory(), 'audit')
    const { child, said, ended } = start('living', location)
    await said()
    const pid = child.pid
    // The file says first that the process is there, then which log it has.
    await until(async () => (await readProcesses(location)).processes[0]?.log === 0)
    const { processes } = await readProcesses(location)
    expect(processes).toMatchObject([{ pid, log: 0, state: 'running' }])
    const [name = ''] = readdirSync(join(location, 'processes'))
    if (process.platform !== 'win32') expect(statSync(join(location, 'processes', name)).mode & 0o777).toBe(0o600)
    const { out } = await run(['doctor', '--log', location])
    expect(out).toMatch(new RegExp(`^process {4}${pid} on .*, log 0: `, 'm'))
    child.stdin.write('end\n')
    expect((await ended()).warned).toBe('')
    expect(readdirSync(join(location, 'processes'))).toEqual([])
  })

  test('shows a process that was killed as one that ended without a shutdown', async () => {
    const location = join(temporaryDirectory(), 'audit')
    const { child, said, exited } = start('living', location)
    await said()
    await until(async () => (await readProcesses(location)).processes.length > 0)
    child.kill('SIGKILL')
    await exited
    const { out } = await run(['doctor', '--log', location, '--json'])
    expect((JSON.parse(out) as FoundProcesses).processes).toMatchObject([{ pid: child.pid, state: 'ended' }])
    expect((await run(['doctor', '--log', location])).out).toContain('ended without a shutdown')
  })
})

/** Waits for what another process does. */
async function until(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo())) await new Promise((resolve) => setTimeout(resolve, 20))
}
