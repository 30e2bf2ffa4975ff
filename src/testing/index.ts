export { sealedEntries, sealedEntry } from './sealed-entry.js'
