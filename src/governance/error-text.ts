import { isName } from '../events/name.js'
import type { Alteration } from '../events/types.js'
import { converted, isMemberName, readableCopy } from './readable-copy.js'
import type { TakenValue } from './taken-value.js'

const FIELD = 'data.error'
/** Members of an error that the catalogue knows. */
const KNOWN: ReadonlySet<string> = new Set(['code', 'message', 'stackTrace'])

/**
 * Takes text out of an error that is none of its known fields: an error that is no object, members that its library added, such as the
 * body of a request, and a code that is a sentence. The message and the stack trace are left to who takes what the catalogue marks.
 *
 * @param data - a copy, which is changed
 */
export function takeErrorText(data: Record<string, unknown>, values: TakenValue[], altered: Alteration[]): void {
  const given = converted(data.error)
  if (given === undefined || given === null) return
  if (typeof given !== 'object' || Array.isArray(given)) {
    values.push({ field: `${FIELD}.message`, class: 'diagnostic', value: given })
    altered.push({ field: FIELD, reason: 'invalid' })
    data.error = { code: 'unknown' }
    return
  }
  const error = readableCopy(given, FIELD, altered)
  data.error = error
  for (const [at, [name, value]] of Object.entries(error).entries()) {
    if (KNOWN.has(name) || value === undefined) continue
    delete error[name]
    // The name of an error's class may be its code.
    if (name === 'name' && error.code === undefined && isName(value)) error.code = value
    else if (name !== 'name')
      values.push(
        isMemberName(name)
          ? { field: `${FIELD}.${name}`, class: 'diagnostic', value }
          : { field: `${FIELD}.other-${at}`, class: 'diagnostic', value: { [name]: value } },
      )
  }
  if (error.code === undefined || isName(error.code)) return
  if (error.message === undefined) error.message = error.code
  else values.push({ field: `${FIELD}.code`, class: 'diagnostic', value: error.code })
  error.code = 'unknown'
  altered.push({ field: `${FIELD}.code`, reason: 'invalid' })
}
