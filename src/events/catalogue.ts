import * as v from 'valibot'
import { memoryChangeEvents, recallEvents } from './catalogue/memory.js'
import { interventionEvents, policyEvents } from './catalogue/oversight.js'
import { runEvents } from './catalogue/runs.js'
import { name } from './catalogue/shared-schemas.js'
import { statementEvents } from './catalogue/statements.js'
import { toolCallEvents } from './catalogue/tool-calls.js'

export { envelopeFields, inputFields } from './catalogue/envelope.js'
export { LIMIT_AXES } from './catalogue/runs.js'
export { agentSchema, timestampSchema } from './catalogue/shared-schemas.js'

/*
 * The one definition of every event type. TypeScript types, runtime validation, the published JSON Schema
 * and the reading of `spanledger.*` attributes all come from here.
 */

/** Schema of `data`, by event type. Its order is that of the published JSON Schema. */
export const catalogue = {
  ...runEvents,
  ...recallEvents,
  ...toolCallEvents,
  ...policyEvents,
  ...memoryChangeEvents,
  ...interventionEvents,
  ...statementEvents,
  custom: v.looseObject({ name }),
} as const satisfies Record<string, v.GenericSchema>
