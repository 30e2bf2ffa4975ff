// Writes the inputs that a target begins with, a file each. A process of its own: a target may change what it runs in.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

const [name, directory] = process.argv.slice(2)
const { seeds } = await import(`./build/fuzz/targets/${name}.js`)
for (const [at, seed] of [...(await seeds())].entries()) {
  writeFileSync(join(String(directory), `seed-${String(at).padStart(3, '0')}`), seed)
}
process.exit()
