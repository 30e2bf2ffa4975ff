import { type StartTimer, startTimer as startKeptTimer } from '../../timers/real-timers.js'

/**
 * Settles as a promise does, or rejects once it has taken longer than a time; the promise is left to itself then.
 *
 * @param startTimer - by default one that keeps the process alive
 */
export async function within<T>(
  millis: number,
  promise: Promise<T>,
  late: () => Error,
  startTimer: StartTimer = startKeptTimer,
): Promise<T> {
  let cancel = () => {}
  const limit = new Promise<never>((_, reject) => {
    cancel = startTimer(millis, () => reject(late()))
  })
  try {
    return await Promise.race([promise, limit])
  } finally {
    cancel()
  }
}
