/*
 * Witnesses: others who remember what they saw of a log, so that nobody can be shown another one.
 */
export { type FileWitnessOptions, fileWitness } from './file-witness.js'
export type { Witness, WitnessedLog } from './witness.js'
export { DEFAULT_WITNESS_TIMEOUT_MILLIS, type WitnessClientOptions, witnessClient } from './witness-client.js'
export { type WitnessedByOptions, type WitnessedPublisher, witnessedBy } from './witnessed-by.js'
