export { AuditLogError } from '../events/errors.js'
export type { ContentChoice } from '../reader/content/choice.js'
export type { AnyValue, KeyValue } from './any-value.js'
export { type CloudEvent, DEFAULT_CLOUD_EVENT_SOURCE, toCloudEvent } from './cloud-events.js'
export { type EncodeOptions, EXPORT_FORMATS, type ExportFormat, OCSF_VERSIONS, type OcsfVersion } from './contract.js'
export { CSV_HEADER, csvRow } from './csv.js'
export { encodeEntries, encodeEvents } from './encode.js'
export { type ExportedLog, type ExportOptions, exportLog, type LogExport } from './export-log.js'
export { OCSF_VERSION, type OcsfEvent, type OcsfOptions, toOcsf } from './ocsf.js'
export {
  type OtlpLogRecord,
  type OtlpLogsRequest,
  type OtlpResourceLogs,
  type OtlpScopeLogs,
  toOtlpLogs,
} from './otlp-logs.js'
