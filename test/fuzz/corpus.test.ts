import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'vitest'
import type { Target } from '../../fuzz/support/target.js'

const FUZZ = new URL('../../fuzz/', import.meta.url).pathname
const names = readdirSync(join(FUZZ, 'targets')).map((name) => name.replace(/\.ts$/, ''))

/** Inputs that once found something, and those that led the fuzzer to new paths. */
function storedInputs(name: string): Buffer[] {
  const directory = join(FUZZ, 'corpus', name)
  return readdirSync(directory).map((file) => readFileSync(join(directory, file)))
}

describe.each(names)('the fuzzing target %s', (name) => {
  it('finds nothing in the inputs that are stored', async () => {
    const { fuzz, seeds }: Target = await import(`../../fuzz/targets/${name}.ts`)
    const inputs = [Buffer.alloc(0), ...storedInputs(name), ...(await seeds())]
    for (const input of inputs) await fuzz(Buffer.from(input))
  })
})
