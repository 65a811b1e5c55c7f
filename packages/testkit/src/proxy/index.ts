export { FaultProxy, type FaultProxyOptions, type ProxyFault, type ProxyRequest } from './fault-proxy.ts'
export type { LaneConditions } from './lane.ts'
