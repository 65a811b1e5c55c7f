// Connection limits of a node: what the settings say, and bounds of our own where Kafka has none by default.
import type { BrokerConfig } from '@odradek/config'
import type { ConnectionLimits, ListenerLimits } from '@odradek/transport'

const CONNECTIONS_MAX = 10_000
const CONNECTIONS_PER_IP_MAX = 1_000
/** Of each listener. */
const CREATION_RATE = 200
const CREATION_RATE_PER_IP = 50
const INT_MAX = 2147483647
/** Of the files that the process may open; the rest is for logs. */
const OPEN_FILES_SHARE = 0.8
const LOG_FILES_SHARE = 0.1
const LOG_FILES_MAX = 512
/** Memory of which requests and responses take their shares when the machine's is not known. */
const MEMORY_BYTES = 2 * 1024 ** 3
const MEMORY_SHARE = 0.25
/** More in flight than the disk takes in a tenth of a second is only memory, fresh from the kernel at its full price. */
const REQUEST_BYTES_MAX = 32 * 1024 ** 2
const RESPONSE_BYTES_MAX = 128 * 1024 ** 2

/** An address of this machine, whose many processes are not one stranger. */
export function isLoopback(address: string): boolean {
  return address === '::1' || address.startsWith('127.')
}

/** `openFilesMax`: how many files and sockets the process may have open, where that is known. */
export function connectionLimitsFrom(config: BrokerConfig, openFilesMax = Number.POSITIVE_INFINITY): ConnectionLimits {
  const perIpSet = config.get('max.connections.per.ip')
  const maxSet = config.get('max.connections')
  const rateSet = config.get('max.connection.creation.rate')
  return {
    connectionsMax: maxSet === INT_MAX ? Math.min(CONNECTIONS_MAX, Math.floor(openFilesMax * OPEN_FILES_SHARE)) : maxSet,
    connectionsPerIpMax: perIpSet === INT_MAX ? CONNECTIONS_PER_IP_MAX : perIpSet,
    isPerIpExempt: perIpSet === INT_MAX ? isLoopback : () => false,
    perIpOverrides: config.connectionsPerIpOverrides,
    creationRate: rateSet === INT_MAX ? Number.POSITIVE_INFINITY : rateSet,
    creationRatePerIp: CREATION_RATE_PER_IP,
    listener: (listenerName) => listenerLimitsFrom(config, listenerName)
  }
}

/** Files of logs that are kept open for the next use. What is in use comes on top. */
export function openLogFilesFrom(openFilesMax = Number.POSITIVE_INFINITY): number {
  return Math.min(LOG_FILES_MAX, Math.floor(openFilesMax * LOG_FILES_SHARE))
}

function listenerLimitsFrom(config: BrokerConfig, listenerName: string): ListenerLimits {
  const rate = config.getForListener(listenerName, 'max.connection.creation.rate')
  return {
    connectionsMax: config.getForListener(listenerName, 'max.connections'),
    creationRate: rate === INT_MAX ? CREATION_RATE : rate
  }
}

/** Bytes that requests may take until they are answered: queued.max.request.bytes, or 32 MiB where the memory allows it. */
export function requestMemoryFrom(config: BrokerConfig, memoryBytes = MEMORY_BYTES): number {
  const bytes = config.get('queued.max.request.bytes')
  return bytes > 0 ? bytes : Math.min(REQUEST_BYTES_MAX, Math.floor(memoryBytes * MEMORY_SHARE))
}

/** Bytes of responses that peers have not read yet. */
export function responseMemoryFrom(memoryBytes = MEMORY_BYTES): number {
  return Math.min(RESPONSE_BYTES_MAX, Math.floor(memoryBytes * MEMORY_SHARE))
}
