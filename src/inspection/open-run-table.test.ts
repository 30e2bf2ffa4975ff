import fc from 'fast-check'
import { expect, it } from 'vitest'
import { ENDED, OpenRunTable } from './open-run-table.js'

it('has the runs that a map of all of them would have, whatever its size', () => {
  // Few hashes that collide: beginnings and ends of the same runs, and long chains of slots.
  const change = fc.record({
    one: fc.nat(2_000),
    other: fc.constantFrom(0, 1, 1_023, 1_024, 2_047),
    seq: fc.oneof({ weight: 3, arbitrary: fc.nat(9_999) }, { weight: 1, arbitrary: fc.constant(ENDED) }),
  })
  fc.assert(
    fc.property(
      fc.array(change, { maxLength: 3_000, size: 'max' }),
      fc.constantFrom(1_024, 2_048, 2 ** 14),
      (all, slots) => {
        const expected = new Map<string, number>()
        for (const { one, other, seq } of all) {
          if (seq === ENDED) expected.delete(`${one} ${other}`)
          else expected.set(`${one} ${other}`, seq)
        }
        const changes = {
          hashes: Uint32Array.from(all.flatMap(({ one, other }) => [one, other])),
          seqs: Float64Array.from(all, ({ seq }) => seq),
        }
        const table = new OpenRunTable(slots)
        table.change(changes)
        const found = new Map<string, number>()
        for (;;) {
          expect([...table.left()].length).toBeLessThanOrEqual(0.75 * slots)
          for (const key of expected.keys()) {
            const [one, other] = key.split(' ').map(Number) as [number, number]
            if (!table.holds(one)) continue
            expect(found.has(key)).toBe(false)
            found.set(key, table.take(one, other) as number)
            expect(table.take(one, other)).toBeUndefined()
          }
          expect([...table.left()]).toEqual([])
          if (!table.next()) break
          table.change(changes)
        }
        expect(found).toEqual(expected)
      },
    ),
    { numRuns: 20 },
  )
})
