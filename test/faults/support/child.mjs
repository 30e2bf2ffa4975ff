import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'

/**
 * A process that works on a log, and says through a pipe what came of it: a line each, see `say.mjs`.
 *
 * @typedef {object} Child
 * @property {() => readonly string[]} said the lines so far, whole ones
 * @property {(line: string) => Promise<void>} until it has said a line; rejects when it ends without
 * @property {Promise<{ code: number | null, signal: string | null }>} ended
 * @property {(signal: NodeJS.Signals) => void} kill
 * @property {() => string} errors what it wrote to its standard error
 */

/**
 * @param {string} script below `children/`
 * @param {readonly unknown[]} args handed over as JSON
 * @param {{ through?: readonly string[], node?: readonly string[], uid?: number }} [options] `through`: the command that
 * runs the process; `node`: options of Node.js
 * @returns {Child}
 */
export function startChild(script, args, { through = [], node = [], uid } = {}) {
  const path = join(import.meta.dirname, '../children', script)
  const [command, ...rest] = [...through, process.execPath, ...node, path, ...args.map((arg) => JSON.stringify(arg))]
  const child = spawn(/** @type {string} */ (command), rest, {
    stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
    ...(uid === undefined ? {} : { uid, gid: uid }),
  })
  let text = ''
  let errors = ''
  const pipe = /** @type {import('node:stream').Readable} */ (child.stdio[3])
  pipe.setEncoding('utf8').on('data', (chunk) => {
    text += chunk
  })
  const standardError = /** @type {import('node:stream').Readable} */ (child.stderr)
  standardError.setEncoding('utf8').on('data', (chunk) => {
    errors += chunk
  })
  const ended = once(child, 'close').then(([code, signal]) => ({ code, signal }))
  return {
    // A process that is killed may leave a line that is not whole.
    said: () =>
      text
        .slice(0, text.lastIndexOf('\n') + 1)
        .split('\n')
        .slice(0, -1),
    async until(line) {
      let isOver = false
      ended.then(() => {
        isOver = true
      })
      while (!`\n${text}`.includes(`\n${line}\n`)) {
        if (isOver) throw new Error(`${script} ended without saying '${line}': ${errors}`)
        await Promise.race([once(pipe, 'data'), ended])
      }
    },
    ended,
    kill: (signal) => child.kill(signal),
    errors: () => errors,
  }
}
