import { activeDetectors, type Detector } from './detectors.js'

/** A name without what detectors found in it. */
export interface MaskedName {
  readonly text: string
  /** The detectors that masked something. */
  readonly by: readonly string[]
}

/** No secret that is known has none of these. Nearly all names of agents, tools and models are nothing else. */
const PLAIN = /^[A-Za-z]{1,20}(?:[ _-][A-Za-z]{1,20})*$/
/** A number of the length of a card's. No UUID has one. */
const LONG_NUMBER = /(?<![A-Za-z\d])\d{13,19}(?![A-Za-z\d])/g
/** Values that words such as `token` announce have one of these before them. */
const ASSIGNMENT = /[:=]/

/** Takes out of names what detectors find. The application's own redactors are for content alone. */
export class NameRedaction {
  readonly #active: readonly Detector[]

  /** @param switches - detectors that are switched on or off, by their names */
  constructor(switches: Readonly<Record<string, boolean>> | undefined) {
    this.#active = activeDetectors(switches)
  }

  /** @returns `undefined` where nothing was found */
  masked(text: string): MaskedName | undefined {
    if (PLAIN.test(text)) return undefined
    return this.#found(text) ?? this.#foundInNumbers(text)
  }

  #found(text: string): MaskedName | undefined {
    let current = text
    const by: string[] = []
    for (const { name, mayHit, mask } of this.#active) {
      if (!mayHit(current)) continue
      const before = current
      const after = mask(before, () => undefined)
      if (after === before || (name === 'secret' && isCommonWord(before, after))) continue
      current = after
      by.push(name)
    }
    return by.length === 0 ? undefined : { text: current, by }
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

/** Tells whether no more was masked than a word behind `Basic` or `Token`, as in the name `Basic Assistant 2`. */
function isCommonWord(before: string, after: string): boolean {
  if (ASSIGNMENT.test(before) || before.length !== after.length) return false
  for (const { index, 0: stars } of after.matchAll(/\*+/g)) {
    if (!/^[A-Za-z]{1,20}$/.test(before.slice(index, index + stars.length))) return false
  }
  return true
}
