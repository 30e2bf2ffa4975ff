import { expect, test, vi } from 'vitest'
import { afterThisTurn, startUnstoppedTimer } from './unstopped-timer.js'

test('a timer that nobody stops calls back under fake timers, after those that are shorter', async () => {
  vi.useFakeTimers()
  const called: string[] = []
  await new Promise<void>((resolve) => {
    startUnstoppedTimer(40, () => resolve(void called.push('long')), true)
    startUnstoppedTimer(1, () => called.push('short'), true)
    startUnstoppedTimer(0, () => called.push('none'), false)
    afterThisTurn(() => called.push('turn'), false)
  })
  vi.useRealTimers()
  expect(called.sort()).toEqual(['long', 'none', 'short', 'turn'])
})

test('a timer that is cancelled does not call back', async () => {
  let isCalled = false
  const call = () => {
    isCalled = true
  }
  for (const cancel of [startUnstoppedTimer(1, call, true), afterThisTurn(call, true)]) {
    cancel()
    cancel()
  }
  await new Promise<void>((resolve) => startUnstoppedTimer(20, resolve, true))
  expect(isCalled).toBe(false)
})
