import { PassThrough } from 'node:stream'
import { describe, expect, test } from 'vitest'
import { Progress } from './progress.js'

function terminal(isTTY: boolean) {
  let now = 0
  const err = Object.assign(new PassThrough({ encoding: 'utf8' }), { isTTY })
  const io = { err, now: () => now } as unknown as ConstructorParameters<typeof Progress>[0]
  return {
    io,
    pass: (millis: number) => {
      now += millis
    },
    seen: () => (err.read() as string | null) ?? '',
  }
}

describe('progress', () => {
  test('is one line that is written over now and then, and taken away', () => {
    const { io, pass, seen } = terminal(true)
    const progress = new Progress(io)
    progress.show(() => 'at once')
    pass(250)
    progress.show(() => 'first')
    progress.show(() => 'too soon')
    pass(250)
    progress.show(() => 'second')
    progress.clear()
    expect(seen()).toBe('\r\u001b[Kfirst\r\u001b[Ksecond\r\u001b[K')
  })

  test('leaves no trace of what is done soon', () => {
    const { io, seen } = terminal(true)
    const progress = new Progress(io)
    progress.show(() => 'at once')
    progress.clear()
    expect(seen()).toBe('')
  })

  test('is for terminals, and not where the output goes to it as well', () => {
    for (const [isTTY, isBesides] of [
      [false, false],
      [true, true],
    ] as const) {
      const { io, pass, seen } = terminal(isTTY)
      const progress = new Progress(io, isBesides)
      pass(1000)
      progress.show(() => 'line')
      progress.clear()
      expect(seen()).toBe('')
    }
  })
})
