/** UTF-16 code units of the longest name. */
const MAX_LENGTH = 128
/** Words of the longest name, such as `HTTP 503 Service Unavailable`. */
const NAME = /^\S+(?: \S+){0,4}$/

/** Tells whether a value is a name, as codes and classes are: a sentence is text from outside. */
export function isName(value: unknown): value is string {
  return typeof value === 'string' && value.length <= MAX_LENGTH && NAME.test(value)
}
