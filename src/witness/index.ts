/*
 * Witnesses: others who remember the checkpoints of a log, so that nobody can be shown another log.
 */
export { type FileWitnessOptions, fileWitness } from './file-witness.js'
export { DEFAULT_WITNESS_TIMEOUT_MILLIS, type HttpWitnessOptions, httpWitness } from './http-witness.js'
export type { Witness, WitnessedLog } from './witness.js'
export { type WitnessedByOptions, type WitnessedPublisher, witnessedBy } from './witnessed-by.js'
