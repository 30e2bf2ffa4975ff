import { Level } from 'level'

// Holds a database open until its standard input ends: node holder.mjs <database>
const db = new Level(process.argv[2] ?? '')
await db.open()
process.stdout.write('held\n')
for await (const _ of process.stdin);
await db.close()
