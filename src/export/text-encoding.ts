import { cloudEvents } from './cloud-events.js'
import type { TextEncoding } from './contract.js'
import { csv } from './csv.js'
import { ocsf } from './ocsf.js'
import { otlpLogs } from './otlp-logs.js'
import type { ResolvedEncoding } from './resolve-encoding.js'

const withSeq: TextEncoding = { next: (event) => `${JSON.stringify(event)}\n` }

/** Returns how a format of text is written; those of stored bytes and of other than text are not among them. */
export function textEncoding(encoding: ResolvedEncoding): TextEncoding {
  switch (encoding.format) {
    case 'csv':
      return csv(encoding.content)
    case 'cloudevents':
      return cloudEvents(encoding.source)
    case 'ocsf':
      return ocsf(encoding.ocsfVersion, encoding.origin)
    case 'otlp':
      return otlpLogs(encoding.recordsPerRequest)
    default:
      return withSeq
  }
}
