import { type StartTimer, startTimer as startKeptTimer } from '../../timers/real-timers.js'

/**
 * What a promise settles with. @throws what it rejects with; what `late` makes when it takes longer, and then it is left
 * to itself
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
