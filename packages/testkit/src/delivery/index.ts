export { DeliveryHistory, type DeliveryRules, type LoggedRecord, type Place } from './delivery-history.ts'
export { type ReadLogOptions, type ReadRecord, readLog } from './read-log.ts'
