// The options of `odradek start`: small, so that completion need not load the broker for them.
export const LOG_LEVELS: readonly string[] = ['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR']

export const startOptions = {
  config: { value: 'FILE', help: 'a Kafka server.properties file; default: one node for development' },
  override: { value: 'KEY=VALUE', isMany: true, help: 'sets or replaces a setting; may be given many times' },
  data: { value: 'DIR', help: 'where the data lies (default ./data); a new folder is formatted' },
  port: { value: 'N', help: 'the port for clients (default 9092); the one after it is for the controller' },
  ephemeral: { help: 'keep everything in memory' },
  'log-level': { value: 'LEVEL', choices: LOG_LEVELS, help: 'TRACE, DEBUG, INFO, WARN or ERROR' },
  help: { help: 'this text' }
} as const
