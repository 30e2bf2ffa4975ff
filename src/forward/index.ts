export type { Forwarder, ForwardStats } from './contract.js'
export { forward } from './forward.js'
export type { ForwardedLog, ForwardOptions } from './options.js'
