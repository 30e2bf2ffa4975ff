import { AuditLogError, type AuditLogErrorCode } from '../../src/events/errors.js'

/** A parser did what it must not do. */
export class Finding extends Error {
  override readonly name = 'Finding'
}

/** Throws a {@link Finding} unless `holds`. */
export function claim(holds: boolean, message: string): asserts holds {
  if (!holds) throw new Finding(message)
}

/** Throws a {@link Finding} unless two values are the same in JSON, where bytes and BigInts have a form of their own. */
export function same(actual: unknown, expected: unknown, message: string): void {
  const [one, other] = [shown(actual), shown(expected)]
  claim(one === other, `${message}: ${one} is not ${other}`)
}

/** Tells the refusals that a parser documents from other errors. */
export type IsRefusal = (error: unknown) => boolean

/** The refusal is an `AuditLogError` of one of these codes; of any code when none is given. */
export function coded(...codes: readonly AuditLogErrorCode[]): IsRefusal {
  return (error) => error instanceof AuditLogError && (codes.length === 0 || codes.includes(error.code))
}

/** Returns what a parser returns, or `undefined` where it refuses; every other error is passed on: it is the finding. */
export function parsed<T>(isRefusal: IsRefusal, parse: () => T): T | undefined {
  try {
    return parse()
  } catch (error) {
    if (isRefusal(error)) return undefined
    throw error
  }
}

/** {@link parsed} for what answers later. */
export async function parsedLater<T>(isRefusal: IsRefusal, parse: () => Promise<T>): Promise<T | undefined> {
  try {
    return await parse()
  } catch (error) {
    if (isRefusal(error)) return undefined
    throw error
  }
}

function shown(value: unknown): string {
  return JSON.stringify(value, (_, each: unknown) => {
    if (typeof each === 'bigint') return `${each}n`
    if (each === undefined) return 'undefined'
    if (each instanceof Uint8Array) return Buffer.from(each).toString('hex')
    if (each instanceof Set) return [...each]
    if (typeof each === 'number' && !Number.isFinite(each)) return String(each)
    return each
  })
}
