/** The user ended it: nothing is said, and the exit code is that of the signal. */
export class Interrupted extends Error {}

export function throwIfInterrupted({ signal }: { readonly signal: AbortSignal }): void {
  if (signal.aborted) throw new Interrupted('interrupted')
}
