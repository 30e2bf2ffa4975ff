import { toJsonSchema } from '@valibot/to-json-schema'

/**
 * The JSON Schema (draft 2020-12) of stored events: one definition for the envelope, one for each event type.
 *
 * @param {readonly import('valibot').GenericSchema[]} storedEventSchemas
 */
export function eventJsonSchema(storedEventSchemas) {
  /** @type {{ envelope?: object, [type: string]: object | undefined }} */
  const definitions = {}
  for (const schema of storedEventSchemas) {
    // Valibot's `check` and `finite` say nothing that JSON Schema could: the format stands for the one, and JSON has no
    // infinite number.
    const { $schema, properties, required, ...object } = /** @type {any} */ (
      toJsonSchema(schema, { target: 'draft-2020-12', ignoreActions: ['check', 'finite'] })
    )
    const { type, data, ...envelope } = properties
    const envelopeRequired = required.filter((/** @type {string} */ field) => field in envelope)
    definitions.envelope ??= { ...object, properties: envelope, required: envelopeRequired }
    definitions[type.const] = {
      allOf: [{ $ref: '#/$defs/envelope' }],
      properties: { type, data },
      required: ['type', 'data'],
    }
  }
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    $id: 'urn:spanledger:audit-event:v1',
    title: 'Spanledger audit event',
    description:
      "An event of Spanledger's own catalogue as it is stored in a log. Readers add `seq`, its position. A log may also " +
      'hold event types of the application, and types and fields that a later version of Spanledger brings: whoever ' +
      'reads a log must tolerate events that match none of these definitions.',
    type: 'object',
    oneOf: Object.keys(definitions)
      .filter((name) => name !== 'envelope')
      .map((name) => ({ $ref: `#/$defs/${name}` })),
    $defs: definitions,
  }
}

/**
 * The JSON Schema (draft 2020-12) of a policy, as a file holds it.
 *
 * @param {import('valibot').GenericSchema} policySchema
 * @returns {object}
 */
export function policyJsonSchema(policySchema) {
  // Valibot's `check` refuses NUL and lone surrogates, and says nothing that JSON Schema could.
  const { $schema, ...schema } = toJsonSchema(policySchema, { target: 'draft-2020-12', ignoreActions: ['check'] })
  return {
    $schema,
    $id: 'urn:spanledger:policy:v1',
    title: 'Spanledger policy',
    description:
      'The rules that say what a log of Spanledger records. Of the rules the first that fits an event counts. Spanledger also ' +
      'refuses contradictions that this schema cannot say, such as a rule that can never count.',
    ...schema,
  }
}
