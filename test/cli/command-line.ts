import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import { main } from '../../src/cli/main.js'
import type { Io } from '../../src/cli/output.js'

/** The built command line as a process. */
export function start(dist: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): ChildProcess {
  return spawn(process.execPath, [join(dist, 'cli/index.js'), ...args], { env: { ...process.env, ...env } })
}

export interface Ended {
  readonly code: number
  readonly out: string
  readonly err: string
}

/** What a process printed, and how it ended. */
export async function ended(child: ChildProcess, input = ''): Promise<Ended> {
  child.stdin?.end(input)
  const exit = new Promise<number>((resolve) => child.once('close', resolve))
  const [out, err, code] = await Promise.all([text(child.stdout as never), text(child.stderr as never), exit])
  return { code, out, err }
}

/** A command line run within this process. */
export async function run(args: readonly string[], io: Partial<Io> = {}): Promise<Ended> {
  const [out, err] = [new PassThrough(), new PassThrough()]
  const printed = Promise.all([text(out), text(err)])
  const signal = new AbortController().signal
  const code = await main(args, { out, err, input: new PassThrough(), env: {}, now: Date.now, signal, ...io })
  out.end()
  err.end()
  const [printedOut, printedErr] = await printed
  return { code, out: printedOut, err: printedErr }
}
