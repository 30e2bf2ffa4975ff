export { type Forwarder, type ForwardStats, forward } from './forward.js'
export type { ForwardedLog, ForwardOptions } from './options.js'
