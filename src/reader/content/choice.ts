/** The content that is put back into events: none, error messages, stack traces and reasons, or everything. */
export type ContentChoice = 'none' | 'diagnostics' | 'all'

/** All choices. */
export const CONTENT_CHOICES: readonly ContentChoice[] = ['none', 'diagnostics', 'all']
