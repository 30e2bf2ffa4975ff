import { recordCustom, withRun } from 'spanledger/record'

export async function POST(request) {
  const { orderId } = await request.json()
  return await withRun({ agentName: 'refund-agent' }, async (run) => {
    recordCustom('refund_made', { orderId })
    return Response.json({ runId: run.runId })
  })
}
