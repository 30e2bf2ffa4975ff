#!/usr/bin/env node
/*
 * Node.js ends with 1 when it cannot load a module or nobody catches an error, and with other low codes for failures of
 * its own. Here each of these ends with 70 (EX_SOFTWARE of sysexits.h), so everything else is loaded where it is caught.
 */
const FAILED = 70

function fail(error: unknown): never {
  process.stderr.write(`spanledger: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`)
  process.exit(FAILED)
}

process.on('uncaughtException', fail)
process.on('unhandledRejection', fail)
// The exit code if the process ends before the command does.
process.exitCode = FAILED

try {
  const { run } = await import('./run.js')
  process.exitCode = await run(process.argv.slice(2))
} catch (error) {
  fail(error)
}
