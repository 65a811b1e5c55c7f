/**
 * What `npm start` and the embedded broker use: one node that is broker and controller, bound to this machine, with the internal
 * topics at replication factor 1. advertised.listeners stays unset, so Metadata answers with the address the client dialled.
 */
export function developmentProperties({
  port,
  dataDir,
  host = '127.0.0.1'
}: {
  port: number
  dataDir: string
  host?: string
}): Record<string, string> {
  const controllerPort = port === 0 ? 0 : port + 1
  const address = host.includes(':') ? `[${host}]` : host
  return {
    'process.roles': 'broker,controller',
    'node.id': '1',
    listeners: `PLAINTEXT://${address}:${port},CONTROLLER://${address}:${controllerPort}`,
    'controller.listener.names': 'CONTROLLER',
    'controller.quorum.bootstrap.servers': `${address}:${controllerPort}`,
    'log.dirs': dataDir,
    'offsets.topic.replication.factor': '1',
    'transaction.state.log.replication.factor': '1',
    'transaction.state.log.min.isr': '1',
    'share.coordinator.state.topic.replication.factor': '1',
    'share.coordinator.state.topic.min.isr': '1',
    'group.initial.rebalance.delay.ms': '0'
  }
}
