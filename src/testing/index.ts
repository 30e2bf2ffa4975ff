export { sealedEntries, sealedEntry } from './sealed-entry.js'
export { stableEvents } from './stable-events.js'
export { type StoreConformanceOptions, storeConformance } from './store-conformance.js'
export { openTestLog, type TestLog, type TestLogOptions } from './test-log.js'
