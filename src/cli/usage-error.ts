/**
 * Says why what was typed cannot be meant; the exit code is 64 (EX_USAGE of sysexits.h). Its message never shows the password of an
 * address that was typed.
 */
export class UsageError extends Error {
  constructor(message: string) {
    super(message.replace(/(:\/\/[^\s/:@]*):[^\s]*@/g, '$1:***@'))
  }
}
