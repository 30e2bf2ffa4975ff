import { type Context, diag } from '@opentelemetry/api'
import { contextScope } from '../record/context.js'

const WORDS: ReadonlyMap<string, boolean> = new Map([
  ['true', true],
  ['1', true],
  ['on', true],
  ['yes', true],
  ['false', false],
  ['0', false],
  ['off', false],
  ['no', false],
])

/** Reads a variable of the environment: `undefined` when it is unset, empty, or no word for on or off. */
export function switchedOn(variable: 'SPANLEDGER_ENABLED' | 'SPANLEDGER_EXPLAIN'): boolean | undefined {
  const value = process.env[variable]
  if (value === undefined || value.trim() === '') return undefined
  const enabled = WORDS.get(value.trim().toLowerCase())
  if (enabled === undefined) diag.warn(`${variable} is '${value}': expected true or false; ignored`)
  return enabled
}

/** `withAuditing` → `setEnabled` → `SPANLEDGER_ENABLED` → on: the first that says something wins. */
export class AuditSwitch {
  #processor: boolean | undefined = undefined
  readonly #environment: boolean | undefined

  constructor(environment: boolean | undefined) {
    this.#environment = environment
  }

  /** @returns whether that changed anything. */
  set(enabled: boolean): boolean {
    const before = this.#outsideContexts()
    this.#processor = enabled
    return before !== enabled
  }

  /** Says who has switched auditing off outside of contexts. */
  get switchedOffBy(): 'process' | 'environment' | undefined {
    if (this.#outsideContexts()) return undefined
    return this.#processor === undefined ? 'environment' : 'process'
  }

  isOnIn(context: Context): boolean {
    return contextScope(context)?.enabled ?? this.#outsideContexts()
  }

  #outsideContexts(): boolean {
    return this.#processor ?? this.#environment ?? true
  }
}
