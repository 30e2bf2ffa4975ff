/** What was typed cannot be meant: the message says why, and the exit code is 64 (EX_USAGE of sysexits.h). */
export class UsageError extends Error {}
