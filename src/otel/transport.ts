import type { Attributes } from '@opentelemetry/api'

/**
 * Tells whether a span says at its start that it is one of a transport or a database, and so no agent's. By attributes that
 * the OpenTelemetry semantic conventions, stable and older, want at the start. Named one by one: looked up in a list
 * they would cost more than the look at the span that they save.
 */
export function isTransportSpan(attributes: Attributes): boolean {
  return (
    attributes['http.request.method'] !== undefined ||
    attributes['http.method'] !== undefined ||
    attributes['url.full'] !== undefined ||
    attributes['http.url'] !== undefined ||
    attributes['db.system.name'] !== undefined ||
    attributes['db.system'] !== undefined ||
    attributes['rpc.system'] !== undefined ||
    attributes['messaging.system'] !== undefined ||
    attributes['net.peer.name'] !== undefined ||
    attributes['network.peer.address'] !== undefined
  )
}

/**
 * Instrumentations of transports, databases and web frameworks, by the part of their scope's name behind
 * `@opentelemetry/instrumentation-`. None of them tells of agents; that of the AWS SDK does, for Bedrock.
 */
const TRANSPORTS: ReadonlySet<string> = new Set(
  (
    'amqplib cassandra-driver connect dataloader dns express fastify fs generic-pool graphql grpc hapi http ioredis kafkajs ' +
    'knex koa lru-memoizer memcached mongodb mongoose mysql mysql2 nestjs-core net oracledb pg redis redis-4 restify router ' +
    'runtime-node socket.io tedious undici'
  ).split(' '),
)
const INSTRUMENTATION = '@opentelemetry/instrumentation-'

/** Tells whether all spans of an instrumentation scope are of a transport, a database or a web framework. */
export function isTransportScope(name: string): boolean {
  return name.startsWith(INSTRUMENTATION) && TRANSPORTS.has(name.slice(INSTRUMENTATION.length))
}
