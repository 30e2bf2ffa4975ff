/** Tells errors from other values, also those of another realm: for code under Jest, errors of Node's own modules are. */
export function isError(value: unknown): value is Error {
  return value instanceof Error || Object.prototype.toString.call(value) === '[object Error]'
}
