import { canonicalJson, canonicalText, MAX_VALUE_BYTES, valueBytes } from '../../src/content/canonical.js'
import { claim, same } from '../support/oracle.js'
import { jsonOf } from '../support/target.js'

/*
 * Values of content in their canonical form: the input as a text, and the value that it is in JSON.
 *
 * Oracles: nothing throws; the canonical form of a canonical form is itself; it is JSON wherever it says so, of the value that it was made of, whose
 * members may stand in any order; what is digested is well-formed UTF-8 that keeps to its limit.
 */
export function fuzz(bytes: Buffer): void {
  const text = bytes.toString()
  checkForm(text)
  const value = jsonOf(bytes)
  if (value === undefined) return
  checkForm(value)
  const written = canonicalText(value)
  if (written.reasons.size > 0 || written.kind !== 'json') return
  same(canonicalJson(JSON.parse(written.text)), written.text, 'the canonical form is another value')
  same(canonicalJson(reversed(value)), written.text, 'the order of members makes a difference')
}

function checkForm(value: unknown): void {
  const { text, kind, length } = canonicalText(value)
  claim(text.isWellFormed(), 'a canonical text has a lone surrogate')
  claim(text.length <= length, 'more is left than there was')
  if (kind === 'json') same(canonicalJson(JSON.parse(text)), text, 'a canonical form has another canonical form')
  const { bytes } = valueBytes(text, kind)
  claim(bytes.length <= MAX_VALUE_BYTES, 'a value is too long')
  claim(text.startsWith(Buffer.from(bytes).toString()), 'the bytes of a value are no beginning of its text')
}

/** The same value with the members of its objects in the opposite order. */
function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([name, member]) => [name, reversed(member)]),
  )
}

export function seeds(): Buffer[] {
  return [
    '{"b":[1,2.50,-0,1e21],"a":{"d":null,"c":"é\\u20ac\\ud83d\\ude00"}}',
    '{"a":1,"a":2}',
    '[9007199254740993,1E400,0.1]',
    ' {"\\u0000":"\\ud800"}',
    '"text"',
    `${'['.repeat(70)}${']'.repeat(70)}`,
    '{"10":1,"9":2,"__proto__":{"toJSON":3}}',
    'no JSON',
  ].map((text) => Buffer.from(text))
}
