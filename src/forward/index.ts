export type { ContentChoice } from '../reader/content/choice.js'
export type { Forwarder, ForwardProgress } from './contract.js'
export { forwardAuditLog } from './forward.js'
export type { ForwardedLog, ForwardOptions } from './options.js'
