/**
 * Tells whether a module is the program that was started, rather than imported by another one.
 *
 * @param {ImportMeta} meta
 */
export function isProgram(meta) {
  return process.argv[1] === meta.filename
}
