import type { Convention } from '../contract.js'
import { conventionOf } from './interpreter.js'
import { builtInVocabularies } from './table.js'

/** The conventions that the rows of the table make. */
export const vocabularyConventions: readonly Convention[] = Object.freeze(builtInVocabularies.map(conventionOf))
