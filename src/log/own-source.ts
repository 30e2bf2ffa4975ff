/** The `source` of events that a log records about itself. */
export const OWN_SOURCE = Object.freeze({ convention: 'spanledger', scope: 'spanledger' })
