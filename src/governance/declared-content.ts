import { hasDeclaredContent, replaceDeclared } from '../events/content.js'
import type { Emptied, TakenValue } from './taken-value.js'

/**
 * Takes the values out of `data` that its application declares to be content. What it cannot read holds none: sealing leaves out
 * what is found there later.
 *
 * @returns `undefined` where there is none
 */
export function takeDeclared(source: object): Emptied | undefined {
  if (!hasDeclaredContent(source)) return undefined
  const values: TakenValue[] = []
  const data = replaceDeclared(source, 'data', (declared, field) => {
    values.push({ field, class: declared.class, value: declared.value })
  })
  return { data, values, altered: [] }
}
