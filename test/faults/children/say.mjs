import { writeSync } from 'node:fs'

/**
 * Tells the parent something: written when the call returns, so that it is said also by a process that dies next.
 *
 * @param {string} line
 */
export function say(line) {
  const bytes = Buffer.from(`${line}\n`)
  for (let written = 0; written < bytes.length; ) {
    try {
      written += writeSync(3, bytes, written)
    } catch (problem) {
      // The pipe is full.
      if (!(problem instanceof Error && 'code' in problem && problem.code === 'EAGAIN')) throw problem
    }
  }
}

/**
 * The arguments of this process.
 *
 * @returns {any[]}
 */
export function given() {
  return process.argv.slice(2).map((arg) => JSON.parse(arg))
}
