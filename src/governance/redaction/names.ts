import type { Redaction } from './contract.js'
import { activeDetectors, type Detector } from './detectors.js'
import { createRedaction } from './redaction.js'
import { OwnRedactors } from './redactors.js'

/** A name without what detectors found in it. */
export interface MaskedName {
  readonly text: string
  /** The detectors that masked something. */
  readonly by: readonly string[]
}

/** No secret that is known has none of these. Nearly all names of agents, tools and models are nothing else. */
const PLAIN = /^[A-Za-z]{1,20}(?:[ _-][A-Za-z]{1,20})*$/
/** A text that detectors see as it stands: it has no escapes, and no characters beyond ASCII. */
const UNESCAPED = /^[ -$'-[\]-~]*$/
/** A number of the length of a card's. No UUID has one. */
const LONG_NUMBER = /(?<![A-Za-z\d])\d{13,19}(?![A-Za-z\d])/g
/** Detectors look at a name as at any text. */
const NAME = Object.freeze({ field: 'name', class: 'diagnostic', type: 'name', tenantId: 'default' } as const)

/** Takes out of names what detectors find. The application's own redactors are for content alone. */
export class NameRedaction {
  readonly #redaction: Redaction
  readonly #active: readonly Detector[]

  /** @param switches - detectors that are switched on or off, by their names */
  constructor(switches: Readonly<Record<string, boolean>> | undefined) {
    this.#redaction = createRedaction(new OwnRedactors(), switches)
    this.#active = activeDetectors(switches)
  }

  /** @returns `undefined` where nothing was found */
  masked(text: string): MaskedName | undefined {
    if (PLAIN.test(text)) return undefined
    return this.#found(text) ?? this.#foundInNumbers(text)
  }

  #found(text: string): MaskedName | undefined {
    // Each call has an id of its own: most of the time detectors find nothing in it.
    if (UNESCAPED.test(text) && !this.#active.some((detector) => findsIn(text, detector))) return undefined
    const { value, found, failed } = this.#redaction.redact({ ...NAME, value: text })
    if (failed !== undefined) return { text: '*'.repeat(text.length), by: [failed] }
    return found.length === 0 ? undefined : { text: String(value), by: found.map(({ by }) => by) }
  }

  /** In ids that were put together, dashes and underscores stand next to a number. In other texts they show that it is none of a card. */
  #foundInNumbers(text: string): MaskedName | undefined {
    const by = new Set<string>()
    const current = text.replace(LONG_NUMBER, (number) => {
      const found = this.#found(number)
      for (const name of found?.by ?? []) by.add(name)
      return found?.text ?? number
    })
    return by.size === 0 ? undefined : { text: current, by: [...by] }
  }
}

function findsIn(text: string, { mayBeIn, takeFrom }: Detector): boolean {
  if (!mayBeIn(text)) return false
  let finds = false
  takeFrom(text, () => {
    finds = true
  })
  return finds
}
