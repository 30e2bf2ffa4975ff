#!/usr/bin/env node
import { runApart, shouldRunApart } from './apart.js'
import { main } from './main.js'

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // Whoever reads has seen enough: `spanledger query | head`.
  if (error.code === 'EPIPE') process.exit(0)
  process.stderr.write(`spanledger: cannot write what was asked for: ${error.message}\n`)
  process.exit(1)
})
// Nobody reads the messages: no reason to end.
process.stderr.on('error', () => {})

/** Time for a command that listens to end by itself; any other is ended, and leaves nothing behind either way. */
const GRACE_MILLIS = 500

async function runHere(args: readonly string[]): Promise<number> {
  const interrupted = new AbortController()
  for (const [signal, exitCode] of [
    ['SIGHUP', 129],
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const) {
    process.once(signal, () => {
      interrupted.abort(exitCode)
      setTimeout(() => process.exit(exitCode), GRACE_MILLIS).unref()
    })
  }
  return await main(args, {
    out: process.stdout,
    err: process.stderr,
    input: process.stdin,
    env: process.env,
    now: Date.now,
    signal: interrupted.signal,
  })
}

const args = process.argv.slice(2)
process.exitCode = shouldRunApart(args, process.env) ? await runApart(args) : await runHere(args)
