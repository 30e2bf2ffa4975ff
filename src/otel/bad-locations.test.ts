import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { context, trace } from '@opentelemetry/api'
import { NodeSDK } from '@opentelemetry/sdk-node'
import { expect, onTestFinished, test, vi } from 'vitest'
import type { AuditLogError } from '../events/errors.js'
import { openAuditLogReader } from '../reader/index.js'
import { AuditSpanProcessor } from './processor.js'

const AGENT = { 'gen_ai.operation.name': 'invoke_agent' }
const WAIT = { timeout: 50_000, interval: 20 }
const isRoot = process.getuid?.() === 0
const NOBODY = 65_534

/** A fault of a location. */
interface BadLocation {
  readonly what: string
  readonly code: string
  /** Makes it so. @returns what mends it */
  readonly spoil: (base: string, location: string) => () => void
  /** Once it is mended, only another process or another processor opens it. */
  readonly isLasting?: boolean
  readonly isPossible?: boolean
}

const CASES: readonly BadLocation[] = [
  {
    what: 'is a file',
    code: 'AUDIT_OPEN_FAILED',
    spoil: (_, location) => {
      writeFileSync(location, '')
      return () => unlinkSync(location)
    },
  },
  {
    what: 'is a link that leads nowhere',
    code: 'AUDIT_OPEN_FAILED',
    spoil: (base, location) => {
      symlinkSync(join(base, 'elsewhere'), location)
      return () => mkdirSync(join(base, 'elsewhere'))
    },
  },
  {
    what: 'holds a log of another version',
    code: 'AUDIT_FORMAT_UNSUPPORTED',
    isLasting: true,
    spoil: (_, location) => {
      mkdirSync(join(location, 'db'), { recursive: true })
      writeFileSync(join(location, 'db/CURRENT'), 'MANIFEST-000001\n')
      return () => rmSync(join(location, 'db'), { recursive: true })
    },
  },
  {
    what: 'has links in place of its logs',
    code: 'AUDIT_FILE_REFUSED',
    spoil: (base, location) => {
      mkdirSync(location)
      const links = ['entries', 'logs'].map((name) => join(location, name))
      for (const link of links) symlinkSync(base, link)
      return () => {
        for (const link of links) unlinkSync(link)
      }
    },
  },
  {
    what: 'may not be written',
    code: 'AUDIT_OPEN_FAILED',
    isPossible: process.platform !== 'win32',
    spoil: (base) => {
      chmodSync(base, 0o555)
      // Nothing is forbidden to root.
      if (isRoot) process.seteuid?.(NOBODY)
      const mend = () => {
        if (isRoot) process.seteuid?.(0)
        chmodSync(base, 0o755)
      }
      onTestFinished(mend)
      return mend
    },
  },
  {
    what: 'is on a full disk',
    code: 'AUDIT_OPEN_FAILED',
    isPossible: canMount(),
    spoil: (base) => {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=40m', 'tmpfs', base])
      onTestFinished(() => void execFileSync('umount', ['-l', base]))
      spawnSync('dd', ['if=/dev/zero', `of=${join(base, 'filler')}`, 'bs=1M'])
      return () => rmSync(join(base, 'filler'))
    },
  },
]

function canMount(): boolean {
  const at = mkdtempSync(join(tmpdir(), 'spanledger-'))
  const isMounted = isRoot && spawnSync('mount', ['-t', 'tmpfs', 'tmpfs', at]).status === 0
  if (isMounted) execFileSync('umount', [at])
  rmSync(at, { recursive: true })
  return isMounted
}

function startSdk(location: string): { readonly audit: AuditSpanProcessor; readonly sdk: NodeSDK } {
  const audit = new AuditSpanProcessor({ location })
  const sdk = new NodeSDK({ spanProcessors: [audit], autoDetectResources: false })
  sdk.start()
  onTestFinished(async () => {
    await sdk.shutdown()
    trace.disable()
    context.disable()
  })
  return { audit, sdk }
}

function runAgent(name: string): void {
  const attributes = { ...AGENT, 'gen_ai.agent.name': name, 'gen_ai.conversation.id': `\u0000\ud800 ../${name}\n` }
  trace.getTracer('app').startSpan(`invoke_agent ${name}`, { attributes }).end()
}

function heardProcessWarnings(): string[] {
  const warnings: string[] = []
  vi.spyOn(process, 'emitWarning').mockImplementation((warning) => {
    // The session's id is none, so that it is content. The keys of that lie in the same place, which is told by itself.
    if (!String(warning).includes('Content is not recorded')) warnings.push(String(warning))
  })
  onTestFinished(() => void vi.restoreAllMocks())
  return warnings
}

function newBase(): string {
  const base = mkdtempSync(join(tmpdir(), 'spanledger-'))
  onTestFinished(() => rmSync(base, { recursive: true, force: true }))
  return base
}

/** The agents of the runs that a ledger has from start to end. */
async function agentsIn(location: string): Promise<unknown[]> {
  const reader = await openAuditLogReader(location)
  const runs = await reader.runs({ status: 'completed', order: 'asc' }).toArray()
  await reader.close()
  return runs.map(({ agents }) => agents.items[0]?.name)
}

for (const { what, code, spoil, isLasting = false, isPossible = true } of CASES) {
  test.runIf(isPossible)(
    `a location that ${what} is told once, by its code, and gets everything once it is mended`,
    async () => {
      const warnings = heardProcessWarnings()
      const base = newBase()
      const location = join(base, 'aüdit of\nmine')
      const mend = spoil(base, location)
      const { audit, sdk } = startSdk(location)
      runAgent('early')
      await expect(audit.ready).rejects.toMatchObject({ code })
      const { status, reasons } = audit.health()
      expect(status).toBe('unaudited')
      expect(reasons[0]).toMatchObject({ code: 'log_unavailable', cause: { code } })
      await audit.forceFlush()
      runAgent('meanwhile')
      expect(warnings).toEqual([
        expect.stringContaining(String((reasons[0]?.cause as AuditLogError | undefined)?.message)),
      ])
      mend()
      if (isLasting) {
        await sdk.shutdown()
        trace.disable()
        const again = startSdk(location)
        await again.audit.ready
        runAgent('late')
        await again.sdk.shutdown()
      } else {
        await vi.waitFor(() => expect(audit.health().status).toBe('audited'), WAIT)
        expect(warnings).toEqual([expect.any(String), expect.stringContaining('is open now')])
        runAgent('late')
        await sdk.shutdown()
      }
      expect(await agentsIn(location)).toEqual(['early', 'meanwhile', 'late'])
    },
  )
}

test('a location that no path can be is told by its code as well, and shutting down rejects with nothing', async () => {
  const warnings = heardProcessWarnings()
  const { audit, sdk } = startSdk(join(newBase(), 'au\u0000dit'))
  runAgent('planner')
  await expect(audit.ready).rejects.toThrow()
  expect(audit.health()).toMatchObject({
    status: 'unaudited',
    reasons: [{ code: 'log_unavailable', cause: { code: 'AUDIT_OPEN_FAILED' } }],
  })
  await sdk.shutdown()
  expect(warnings).toHaveLength(1)
})
