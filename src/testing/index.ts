export { sealedEntries, sealedEntry } from './sealed-entry.js'
export { type StoreConformanceOptions, storeConformance } from './store-conformance.js'
