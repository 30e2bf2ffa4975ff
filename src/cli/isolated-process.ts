import { spawn } from 'node:child_process'
import { startUnrefTimer } from '../timers/real-timers.js'
import type { VerifyReport } from '../verify/report.js'
import { EXIT, exitCodeOfSignal, FIRST_FAILURE, VERDICTS } from './exit-codes.js'
import type { Watcher } from './output.js'
import { printable, printableJson } from './text.js'

/*
 * LevelDB ends the process that reads certain damage, so `verify` works in a process of its own. A process also dies of
 * want of memory, by a signal, or because a module is missing, and Node.js has exit codes of its own that equal those of
 * verdicts. So a verdict is what the process reported beforehand, or what is found in the files themselves once it died.
 */

/** Time for the process to end by itself once somebody wants it to. */
const GRACE_MILLIS = 5_000

/** Set for the process that does the work. */
const MARK = 'SPANLEDGER_ISOLATED'

export function isIsolated(env: NodeJS.ProcessEnv): boolean {
  return env[MARK] !== undefined
}

export function needsIsolation([command]: readonly string[], env: NodeJS.ProcessEnv): boolean {
  return command === 'verify' && !isIsolated(env)
}

/** A message of a process to the one that waits for it. */
type Message = { readonly reads: string } | { readonly concludes: number }

/** Reports to the process that waits for this one. */
export const parentWatcher: Watcher = {
  reads: (reads) => send({ reads }),
  concludes: (concludes) => send({ concludes }),
}

function send(message: Message): void {
  // Ignores errors: if the other process no longer waits, it does not need the message.
  process.send?.(message, undefined, undefined, () => {})
}

/** The end of a process, and what it reported before. */
interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  /** Directory of the log whose files were read. */
  readonly directory: string | undefined
  readonly concluded: number | undefined
  /** The signal that the process was sent since this one got it. */
  readonly ordered: NodeJS.Signals | undefined
}

/** Runs a command line in a process of its own. @returns the exit code */
export async function runIsolated(args: readonly string[]): Promise<number> {
  let ended: Ended
  try {
    ended = await endOf(args)
  } catch (error) {
    return couldNot(`no process can be started for it: ${(error as Error).message}`, EXIT.system)
  }
  const { code, signal, directory, concluded, ordered } = ended
  if (ordered !== undefined) return exitCodeOfSignal(ordered)
  if (code !== null && (code >= FIRST_FAILURE || code === concluded)) return code
  if (signal === null) return couldNot(`the process that does it ended with ${code} and no verdict`, EXIT.failed)
  if (ORDERED.has(signal)) return exitCodeOfSignal(signal)
  const damage = directory === undefined ? undefined : await damageIn(directory)
  if (damage === undefined || directory === undefined) {
    const exitCode = signal === 'SIGKILL' ? exitCodeOfSignal(signal) : EXIT.failed
    return couldNot(`the process that does it died of ${signal}, usually because memory ran out`, exitCode)
  }
  reportDamage(directory, damage, args)
  return VERDICTS.altered
}

/** Somebody wanted the process to end. */
const ORDERED: ReadonlySet<NodeJS.Signals> = new Set(['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'])

function endOf(args: readonly string[]): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const [, script = ''] = process.argv
    const child = spawn(process.execPath, [...process.execArgv, script, ...args], {
      env: { ...process.env, [MARK]: '1' },
      stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
    })
    let directory: string | undefined
    let concluded: number | undefined
    let ordered: NodeJS.Signals | undefined
    child.on('message', (message: Message) => {
      if ('reads' in message) directory = message.reads
      else concluded = message.concludes
    })
    child.once('error', reject)
    child.once('close', (code, signal) => resolve({ code, signal, directory, concluded, ordered }))
    // A terminal interrupts both; others only this one.
    for (const signal of ['SIGHUP', 'SIGINT', 'SIGTERM'] as const) {
      process.on(signal, () => {
        ordered ??= signal
        child.kill(signal)
        startUnrefTimer(GRACE_MILLIS, () => child.kill('SIGKILL'))
      })
    }
  })
}

/** Looks for damage without LevelDB. Returns `undefined` when it finds none or cannot look. */
async function damageIn(directory: string): Promise<string | undefined> {
  try {
    const { findTableDamage } = await import('../inspection/table-damage.js')
    return await findTableDamage(directory)
  } catch (error) {
    process.stderr.write(`spanledger: cannot search the files for damage: ${printable((error as Error).message)}\n`)
    return undefined
  }
}

function couldNot(reason: string, exitCode: number): number {
  process.stderr.write(`spanledger: nothing was verified: ${printable(reason)}\n`)
  return exitCode
}

function reportDamage(location: string, damage: string, args: readonly string[]): void {
  const message = `LevelDB crashed on the log's files, and ${damage}`
  const report: Pick<VerifyReport, 'status' | 'location' | 'problems'> = {
    status: 'altered',
    location,
    problems: [{ kind: 'database_unreadable', status: 'altered', message, count: 1, entries: [] }],
  }
  const isJson = args.includes('--json') || args.includes('--jsonl')
  const text = `ALTERED  ${printable(location)}\n  altered     ${printable(message)}`
  process.stdout.write(`${isJson ? printableJson(JSON.stringify(report)) : text}\n`)
}
