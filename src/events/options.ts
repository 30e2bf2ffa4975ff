import { nearestName } from './nearest.js'

/**
 * Refuses options that are unknown.
 *
 * @param former - the present names of options that were renamed, by the names that they had
 * @throws TypeError naming the unknown option, and the known one it may mean
 */
export function rejectUnknownOptions(
  of: string,
  options: unknown,
  known: readonly string[],
  former: Readonly<Record<string, string>> = {},
): void {
  if (typeof options !== 'object' || options === null) throw new TypeError(`${of}: options must be an object`)
  for (const name of Object.keys(options)) {
    if (known.includes(name)) continue
    const present = Object.hasOwn(former, name) ? former[name] : undefined
    if (present !== undefined) throw new TypeError(`${of}: the option '${name}' is called '${present}' now`)
    const meant = nearestName(name, known)
    throw new TypeError(`${of}: unknown option '${name}'${meant ? `; did you mean '${meant}'?` : ''}`)
  }
}

/**
 * Checks the path of a log's directory. Other databases take `:memory:` for no directory at all; this one would make it.
 *
 * @throws TypeError
 */
export function requireDirectoryPath(of: string, location: unknown): asserts location is string {
  if (typeof location !== 'string' || location === '') {
    throw new TypeError(`${of}: location must be the path of a directory`)
  }
  if (location === ':memory:') {
    throw new TypeError(
      `${of}: ':memory:' is no directory. For a log in memory: openAuditLog({ store: memoryStore() }), with memoryStore of 'spanledger/stores/memory'`,
    )
  }
}

/** The option as a whole number within bounds, or its default. @throws TypeError naming the option and the bounds. */
export function wholeNumberOption(
  of: string,
  name: string,
  value: unknown,
  { fallback, min, max }: { readonly fallback: number; readonly min: number; readonly max: number },
): number {
  if (value === undefined) return fallback
  if (Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max) return value as number
  throw new TypeError(`${of}: ${name} must be a whole number from ${min} to ${max}`)
}

/** @throws TypeError naming the option and what it may be. */
export function requireOneOf(of: string, name: string, value: string, known: readonly string[]): void {
  if (known.includes(value)) return
  throw new TypeError(`${of}: ${name} must be one of ${known.map((each) => `'${each}'`).join(', ')}`)
}
