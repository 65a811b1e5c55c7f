export type { BrokerContext } from './broker-context.ts'
export { BrokerServer, type BrokerServerOptions } from './broker-server.ts'
export { brokerHandlers, controllerHandlers } from './handler-tables.ts'
export type { BoundListener } from './listeners.ts'
