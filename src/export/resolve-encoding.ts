import { nearestName } from '../events/nearest.js'
import { wholeNumberOption } from '../events/options.js'
import { requireContentChoice } from '../reader/content/choice.js'
import { DEFAULT_CLOUD_EVENT_SOURCE } from './cloud-events.js'
import { type EncodeOptions, EXPORT_FORMATS, type ExportFormat, OCSF_VERSIONS } from './contract.js'
import { OCSF_VERSION } from './ocsf.js'
import { DEFAULT_RECORDS_PER_REQUEST } from './otlp-logs.js'

const MAX_RECORDS_PER_REQUEST = 10_000

/** The encoding of events, once checked. */
export interface ResolvedEncoding extends Required<EncodeOptions> {
  /** Origin of the log that is exported, where it is known. */
  readonly origin?: string
}

/** @throws TypeError naming an unknown or malformed option */
export function resolveEncoding(of: string, options: EncodeOptions): ResolvedEncoding {
  const { format, content = 'none', source = DEFAULT_CLOUD_EVENT_SOURCE, recordsPerRequest } = options
  const { ocsfVersion = OCSF_VERSION } = options
  if (!EXPORT_FORMATS.includes(format)) throw unknownFormat(of, format)
  if (typeof source !== 'string' || !isUriReference(source)) {
    throw new TypeError(`${of}: source must be a URI reference, such as 'urn:example:audit'`)
  }
  if (options.source !== undefined && format !== 'cloudevents') throw notOf(of, 'source', 'cloudevents')
  if (recordsPerRequest !== undefined && format !== 'otlp') throw notOf(of, 'recordsPerRequest', 'otlp')
  if (options.ocsfVersion !== undefined && format !== 'ocsf') throw notOf(of, 'ocsfVersion', 'ocsf')
  if (!OCSF_VERSIONS.includes(ocsfVersion)) {
    throw new TypeError(`${of}: ocsfVersion must be one of ${OCSF_VERSIONS.join(', ')}`)
  }
  requireContentChoice(of, content)
  if (content !== 'none' && format === 'jsonl') {
    throw new TypeError(`${of}: 'jsonl' is the stored bytes, which have no content; use the format 'events'`)
  }
  const bounds = { fallback: DEFAULT_RECORDS_PER_REQUEST, min: 1, max: MAX_RECORDS_PER_REQUEST }
  return Object.freeze({
    format,
    content,
    source,
    ocsfVersion,
    recordsPerRequest: wholeNumberOption(of, 'recordsPerRequest', recordsPerRequest, bounds),
  })
}

/** RFC 3986, as far as CloudEvents needs it: not empty, and of the characters that a URI may have. */
function isUriReference(text: string): boolean {
  return /^(?:[A-Za-z0-9\-._~:/?#[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})+$/.test(text)
}

function unknownFormat(of: string, format: unknown): TypeError {
  const nearest = typeof format === 'string' ? nearestName(format, EXPORT_FORMATS) : undefined
  const hint = nearest === undefined ? '' : `; did you mean '${nearest}'?`
  return new TypeError(`${of}: format must be one of ${EXPORT_FORMATS.join(', ')}${hint}`)
}

function notOf(of: string, option: string, format: ExportFormat): TypeError {
  return new TypeError(`${of}: ${option} is an option of the format '${format}' only`)
}
