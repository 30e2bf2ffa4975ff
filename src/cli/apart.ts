import { spawn } from 'node:child_process'
import type { VerifyReport } from '../verify/report.js'

/** Set for the process that does the work. */
const MARK = 'SPANLEDGER_APART'
/** What a process of ours ends with when native code finds that it cannot go on. */
const GIVING_UP = new Set(['SIGABRT', 'SIGSEGV', 'SIGBUS'])
const ALTERED = 1

/**
 * LevelDB ends the process that reads certain damage. A command that looks for damage survives it in another process,
 * unless the log is not in LevelDB.
 */
export function shouldRunApart([command, ...args]: readonly string[], env: NodeJS.ProcessEnv): boolean {
  const isElsewhere = args.some((arg) => arg === '--store' || arg.startsWith('--store='))
  return command === 'verify' && env[MARK] === undefined && !isElsewhere
}

/** @returns the exit code */
export async function runApart(args: readonly string[]): Promise<number> {
  const [, script = ''] = process.argv
  const env = { ...process.env, [MARK]: '1' }
  const child = spawn(process.execPath, [...process.execArgv, script, ...args], { env, stdio: 'inherit' })
  // A terminal interrupts both; others only this one.
  for (const signal of ['SIGHUP', 'SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal))
  const [code, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (...ended) => resolve(ended))
  })
  if (signal === null || !GIVING_UP.has(signal)) return code ?? 1
  const message = "LevelDB gave up on the log's files: one of them is damaged"
  const report: Pick<VerifyReport, 'status' | 'problems'> = {
    status: 'altered',
    problems: [{ kind: 'database_unreadable', status: 'altered', message, count: 1, entries: [] }],
  }
  if (args.includes('--json') || args.includes('--jsonl')) process.stdout.write(`${JSON.stringify(report)}\n`)
  else process.stdout.write(`altered  ${message}\n`)
  return ALTERED
}
