/**
 * Tells the user why the input is invalid. The exit code is 64 (EX_USAGE of sysexits.h). The message never shows the
 * password of an address that was typed.
 */
export class UsageError extends Error {
  constructor(message: string) {
    super(message.replace(/(:\/\/[^\s/:@]*):[^\s]*@/g, '$1:***@'))
  }
}
