import { diag } from '@opentelemetry/api'
import { nearestName } from '../events/nearest.js'
import { idText } from './context.js'

/** Different mistakes that are reported; a caller that makes up names must not fill the heap. */
const MAX_MISTAKES = 256

const reported = new Set<string>()

/** Reports through `diag`, once, what a caller has got wrong. What wraps application code must not throw for it. */
export function reportMisuse(mistake: string): void {
  if (reported.size >= MAX_MISTAKES || reported.has(mistake)) return
  reported.add(mistake)
  diag.warn(`spanledger: ${mistake}`)
}

/** The kinds of the options: ids and other texts, for which numbers will do as well; anything else is taken as it is. */
export type OptionKinds<O> = { readonly [Name in keyof O]-?: 'text' | 'as is' }

/** The options as far as they can be used; unknown names and values that are no text are reported and left out. Never throws. */
export function readOptions<O extends object>(of: string, given: O | undefined, kinds: OptionKinds<O>): Partial<O> {
  const options: Partial<O> = {}
  try {
    if (typeof given !== 'object' || given === null) {
      if (given !== undefined) reportMisuse(`${of}: options must be an object; ignored`)
      return options
    }
    for (const name of Object.keys(given)) {
      if (!Object.hasOwn(kinds, name)) {
        reportUnknown(of, name, Object.keys(kinds))
        continue
      }
      const option = name as keyof O & string
      const value = given[option]
      const accepted = usable(value, kinds[option])
      if (accepted !== undefined) options[option] = accepted
      else if (value !== undefined && value !== null)
        reportMisuse(`${of}: ${name} must be a text that is not empty; ignored`)
    }
  } catch (problem) {
    reportMisuse(`${of}: options cannot be read: ${problem instanceof Error ? problem.message : 'no error was thrown'}`)
  }
  return options
}

function usable<V>(value: V, kind: 'text' | 'as is'): V | undefined {
  return kind === 'text' ? (idText(value) as V | undefined) : value
}

function reportUnknown(of: string, name: string, known: readonly string[]): void {
  const meant = nearestName(name, known)
  reportMisuse(`${of}: unknown option '${name.slice(0, 64)}'${meant ? `; did you mean '${meant}'?` : ''}`)
}
