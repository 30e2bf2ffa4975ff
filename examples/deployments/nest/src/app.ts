import 'reflect-metadata'
import { Controller, Get, Injectable, Module, Param } from '@nestjs/common'
import { recordCustom, withRun } from 'spanledger/record'

@Injectable()
export class RefundAgent {
  async refund(orderId: string): Promise<string> {
    return await withRun({ agentName: 'refund-agent' }, async (run) => {
      recordCustom('refund_made', { orderId })
      return run.runId
    })
  }
}

@Controller('refunds')
export class RefundController {
  constructor(private readonly agent: RefundAgent) {}

  @Get(':orderId')
  async refund(@Param('orderId') orderId: string): Promise<{ runId: string }> {
    return { runId: await this.agent.refund(orderId) }
  }
}

@Module({ controllers: [RefundController], providers: [RefundAgent] })
export class AppModule {}
