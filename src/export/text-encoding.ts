import { cloudEvents } from './cloud-events.js'
import type { EncodeOptions, TextEncoding } from './contract.js'
import { csv } from './csv.js'
import { ocsf } from './ocsf.js'
import { otlpLogs } from './otlp-logs.js'

const withSeq: TextEncoding = { next: (event) => `${JSON.stringify(event)}\n` }

/** Returns how a format of text is written; those of stored bytes and of other than text are not among them. */
export function textEncoding({ format, source, recordsPerRequest }: Required<EncodeOptions>): TextEncoding {
  switch (format) {
    case 'csv':
      return csv
    case 'cloudevents':
      return cloudEvents(source)
    case 'ocsf':
      return ocsf
    case 'otlp':
      return otlpLogs(recordsPerRequest)
    default:
      return withSeq
  }
}
