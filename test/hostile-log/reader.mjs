// A process that has a log open for reading until it is killed.
const [dist, directory] = process.argv.slice(2)
const { openAuditLogReader } = await import(`${dist}/reader/index.js`)
const reader = await openAuditLogReader(directory)
process.send?.('open')
process.on('message', async () => {
  await reader.close()
  process.disconnect()
})
