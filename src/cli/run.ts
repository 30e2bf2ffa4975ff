import { startUnrefTimer } from '../timers/real-timers.js'
import { EXIT, exitCodeOfSignal } from './exit-codes.js'
import { isIsolated, needsIsolation, parentWatcher, runIsolated } from './isolated-process.js'
import type { Watcher } from './output.js'

/**
 * Time for an interrupted command to end by itself. After it the command is ended; it leaves nothing behind either way.
 */
const GRACE_MILLIS = 500

/** Runs a command line in this process or, where it may crash, in another. @returns the exit code */
export async function run(args: readonly string[]): Promise<number> {
  const conclusion = new Conclusion(args)
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    // The reader has seen enough: `spanledger query | head`.
    if (error.code === 'EPIPE') process.exit(conclusion.exitCode)
    process.stderr.write(`spanledger: cannot write the output: ${error.message}\n`)
    process.exit(EXIT.inputOutput)
  })
  // A closed stderr is no reason to end.
  process.stderr.on('error', () => {})
  return needsIsolation(args, process.env) ? await runIsolated(args) : await runHere(args, conclusion)
}

/** The exit code that stands when nobody reads the output any more. */
class Conclusion implements Watcher {
  #exitCode: number
  readonly #watcher: Watcher | undefined = isIsolated(process.env) ? parentWatcher : undefined

  constructor([command]: readonly string[]) {
    // Only a verdict ends with 0.
    this.#exitCode = command === 'verify' ? EXIT.inputOutput : EXIT.success
  }

  get exitCode(): number {
    return this.#exitCode
  }

  reads(directory: string): void {
    this.#watcher?.reads(directory)
  }

  concludes(exitCode: number): void {
    this.#exitCode = exitCode
    this.#watcher?.concludes(exitCode)
  }
}

async function runHere(args: readonly string[], watcher: Watcher): Promise<number> {
  const interrupted = new AbortController()
  for (const signal of ['SIGHUP', 'SIGINT', 'SIGTERM'] as const) {
    const exitCode = exitCodeOfSignal(signal)
    process.once(signal, () => {
      interrupted.abort(exitCode)
      startUnrefTimer(GRACE_MILLIS, () => process.exit(exitCode))
    })
  }
  // A process that only waits for another loads none of this, native code above all.
  const { main } = await import('./main.js')
  const exitCode = await main(args, {
    out: process.stdout,
    err: process.stderr,
    input: process.stdin,
    env: process.env,
    now: Date.now,
    signal: interrupted.signal,
    watcher,
  })
  watcher.concludes(exitCode)
  return exitCode
}
