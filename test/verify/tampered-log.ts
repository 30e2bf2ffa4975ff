import { cp, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import { Level } from 'level'
import { type AuditLog, openAuditLog } from '../../src/audit-log/index.js'
import { main } from '../../src/cli/main.js'
import type { VerifyReport } from '../../src/verify/report.js'

export type RawDatabase = Level<Buffer, Buffer>

/** Several tenants, sessions, runs (some left open), agents, types and callers' ids. */
export async function record(log: AuditLog, from: number, to: number): Promise<void> {
  for (let n = from; n < to; n++) {
    const run = {
      runId: `run-${n % 7}`,
      sessionId: `s-${n % 3}`,
      tenantId: `t-${n % 2}`,
      agent: { name: `a-${n % 4}` },
    }
    const time = new Date(Date.UTC(2026, 0, 1) + (n % 11) * 60_000).toISOString()
    if (n % 20 === 0) log.record({ ...run, time, type: 'run_started', data: { agent: { name: 'a' } } })
    else if (n % 20 === 9) log.record({ ...run, time, type: 'run_completed', data: {} })
    else log.record({ ...run, time, type: 'custom', data: { name: `entry ${n}`, ключ: '値' } })
    if (n % 50 === 0) await log.append({ ...run, id: `own-${n}`, type: 'custom', data: { name: 'own' } })
  }
  await log.flush()
}

/** Writes a log, and keeps copies of its directory and its checkpoints as it grew. */
export async function writeLog(sizes: readonly number[]) {
  const root = await mkdtemp(join(tmpdir(), 'spanledger-tampering-'))
  const directory = join(root, 'audit')
  const states: { readonly directory: string; readonly checkpoint: string }[] = []
  let written = 0
  for (const size of sizes) {
    const log = await openAuditLog(directory)
    await record(log, written, size)
    written = size
    await log.close()
    const state = join(root, `state-${size}`)
    await cp(directory, state, { recursive: true })
    states.push({ directory: state, checkpoint: await readFile(join(directory, 'checkpoint'), 'utf8') })
  }
  const vkey = (await readFile(join(directory, 'keys', 'signing.vkey'), 'utf8')).trim()
  let copies = 0
  return {
    root,
    directory,
    states,
    vkey,
    async copy(): Promise<string> {
      const target = join(root, `copy-${copies++}`)
      await cp(directory, target, { recursive: true })
      return target
    },
    remove: () => rm(root, { recursive: true, force: true }),
  }
}

/** Writes to a log's database as whoever owns the disk can. */
export async function tamper(directory: string, change: (db: RawDatabase) => Promise<unknown>): Promise<void> {
  const db: RawDatabase = new Level<Buffer, Buffer>(join(directory, 'db'), {
    keyEncoding: 'buffer',
    valueEncoding: 'buffer',
  })
  await db.open()
  try {
    await change(db)
  } finally {
    await db.close()
  }
}

/** `spanledger …` */
export async function spanledger(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
  const [out, err] = [new PassThrough(), new PassThrough()]
  const printed = Promise.all([text(out), text(err)])
  const io = { out, err, input: new PassThrough(), env: {}, now: Date.now, signal: new AbortController().signal }
  const code = await main(argv, io)
  out.end()
  err.end()
  return { code, out: (await printed)[0], err: (await printed)[1] }
}

export interface Verdict {
  readonly code: number
  readonly kinds: readonly string[]
  readonly report: VerifyReport
}

/** `spanledger verify --json …` */
export async function verdict(...argv: string[]): Promise<Verdict> {
  const { code, out, err } = await spanledger('verify', '--json', ...argv)
  if (err !== '') throw new Error(err)
  const report = JSON.parse(out) as VerifyReport
  return { code, report, kinds: report.problems.map(({ kind }) => kind) }
}
