import { realpathSync } from 'node:fs'

/**
 * Tells whether a module is the program that was started, rather than imported by another one.
 *
 * @param {ImportMeta} meta
 */
export function isProgram(meta) {
  return realpathSync(process.argv[1]) === meta.filename
}
