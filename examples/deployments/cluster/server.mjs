import cluster from 'node:cluster'

// The primary only starts workers. Telemetry belongs into those, so that the primary takes no log that it never writes.
if (cluster.isWorker) await import('./worker.mjs')
else {
  let isStopping = false
  for (let i = 0; i < Number(process.env.WORKERS ?? 4); i++) cluster.fork()
  cluster.on('listening', (worker, { port }) => console.log(`worker ${worker.id} is listening on ${port}`))
  // What a worker that died has recorded is taken over by the one that comes in its place.
  cluster.on('exit', () => {
    if (!isStopping) cluster.fork()
  })
  process.once('SIGTERM', () => {
    isStopping = true
    for (const worker of Object.values(cluster.workers ?? {})) worker?.process.kill('SIGTERM')
  })
}
