import { connection } from 'next/server'
import { recordCustom, withRun } from 'spanledger/record'

export default async function Page() {
  await connection() // at each request, not when the application is built
  const runId = await withRun({ agentName: 'greeter' }, async (run) => {
    recordCustom('greeted', {})
    return run.runId
  })
  return <p id="run">{runId}</p>
}
