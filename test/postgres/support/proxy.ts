import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'

/** A network between clients and a server, which can be slow, lose what is sent, or break. */
export class TcpProxy {
  /** What goes to clients and servers is held up by so much. */
  delayMillis = 0
  /** What the server answers is lost, while it gets all that it is sent. */
  losesAnswers = false
  /** Nothing gets through, and nobody is told. */
  isCut = false
  readonly port: number
  readonly #server: Server
  readonly #sockets = new Set<Socket>()

  /** @param target - port of the server on loopback, by the time a client connects */
  static async start(target: () => number): Promise<TcpProxy> {
    const server = createServer()
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    if (address === null || typeof address === 'string') throw new Error('no port')
    return new TcpProxy(server, address.port, target)
  }

  private constructor(server: Server, port: number, target: () => number) {
    this.#server = server
    this.port = port
    server.on('connection', (client) => {
      const upstream = connect(target(), '127.0.0.1')
      this.#pipe(client, upstream, () => false)
      this.#pipe(upstream, client, () => this.losesAnswers)
    })
  }

  /** Ends all connections, as a router does that is switched off and on. */
  reset(): void {
    for (const socket of this.#sockets) socket.destroy()
  }

  async close(): Promise<void> {
    this.reset()
    this.#server.close()
    await once(this.#server, 'close')
  }

  #pipe(from: Socket, to: Socket, isLost: () => boolean): void {
    this.#sockets.add(from)
    from.on('error', () => {})
    from.on('close', () => {
      this.#sockets.delete(from)
      to.destroy()
    })
    from.on('data', (bytes) => {
      if (this.isCut || isLost()) return
      if (this.delayMillis === 0) to.write(bytes)
      else setTimeout(() => to.destroyed || to.write(bytes), this.delayMillis)
    })
  }
}
