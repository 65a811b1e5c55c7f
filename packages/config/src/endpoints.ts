/** Listeners, voters and the other small address languages inside Kafka's settings. Pure parsers; they throw CONFIG_INVALID. */
import { configInvalid } from './config-error.ts'

export type SecurityProtocol = 'PLAINTEXT' | 'SSL' | 'SASL_PLAINTEXT' | 'SASL_SSL'

export interface Endpoint {
  readonly listenerName: string
  readonly securityProtocol: SecurityProtocol
  /** Empty: every interface. */
  readonly host: string
  readonly port: number
}

export interface QuorumVoter {
  readonly id: number
  readonly host: string
  readonly port: number
}

export interface HostPort {
  readonly host: string
  readonly port: number
}

const securityProtocols: readonly string[] = ['PLAINTEXT', 'SSL', 'SASL_PLAINTEXT', 'SASL_SSL']

export function isSecurityProtocol(text: string): text is SecurityProtocol {
  return securityProtocols.includes(text)
}

export function parseListenerName(uri: string): string {
  const end = uri.indexOf('://')
  if (end <= 0) throw configInvalid(`Unable to parse a listener name from ${uri}`)
  return uri.slice(0, end).toUpperCase()
}

/** `PLAINTEXT://host:9092,…` with every listener's protocol taken from the map. */
export function parseEndpoints(
  key: string,
  uris: readonly string[],
  protocols: ReadonlyMap<string, SecurityProtocol>,
  { requireDistinctPorts }: { requireDistinctPorts: boolean }
): readonly Endpoint[] {
  const fail = (reason: string): never => {
    throw configInvalid(`Error creating broker listeners from '[${uris.join(', ')}]' (${key}): ${reason}`)
  }
  const endpoints = uris.map((uri) => {
    const listenerName = parseListenerName(uri)
    const match = /^[^:]+:\/\/(?:\[([0-9a-zA-Z\-._%:]*)\]|([0-9a-zA-Z\-._%]*)):(\d{1,5})$/.exec(uri)
    if (match === null || Number(match[3]) > 65535) return fail(`Unable to parse ${uri} to a broker endpoint, which is NAME://HOST:PORT`)
    const securityProtocol = protocols.get(listenerName)
    if (securityProtocol === undefined) return fail(`No security protocol defined for listener ${listenerName}`)
    return { listenerName, securityProtocol, host: match[1] ?? match[2], port: Number(match[3]) }
  })
  const shown = `[${uris.join(', ')}]`
  if (requireDistinctPorts) checkPorts(endpoints, shown, fail)
  if (new Set(endpoints.map((endpoint) => endpoint.listenerName)).size !== endpoints.length)
    fail(`Each listener must have a different name, listeners: ${shown}`)
  return endpoints
}

// One port may serve two listeners only when one address is IPv4 and the other IPv6. Port 0 (any free port) never clashes.
function checkPorts(endpoints: readonly Endpoint[], shown: string, fail: (reason: string) => never): void {
  const byPort = Map.groupBy(
    endpoints.filter((endpoint) => endpoint.port !== 0),
    (endpoint) => endpoint.port
  )
  for (const [port, sharing] of byPort) {
    if (sharing.length === 1) continue
    const families = sharing.map((endpoint) => (/^\d+\.\d+\.\d+\.\d+$/.test(endpoint.host) ? 4 : endpoint.host.includes(':') ? 6 : 0))
    if (sharing.length > 2 || families.includes(0)) fail(`Each listener must have a different port, listeners: ${shown}`)
    if (families[0] === families[1]) {
      fail(`If you have two listeners on the same port then one needs to be IPv4 and the other IPv6, listeners: ${shown}, port: ${port}`)
    }
  }
}

/** `NAME:PROTOCOL,…` */
export function parseSecurityProtocolMap(text: string): ReadonlyMap<string, SecurityProtocol> {
  const key = 'listener.security.protocol.map'
  const map = new Map<string, SecurityProtocol>()
  for (const entry of splitList(text)) {
    const colon = entry.lastIndexOf(':')
    if (colon <= 0) throw configInvalid(`Error parsing configuration property '${key}': ${entry} is not NAME:PROTOCOL`)
    const name = entry.slice(0, colon).trim().toUpperCase()
    const protocol = entry
      .slice(colon + 1)
      .trim()
      .toUpperCase()
    if (!isSecurityProtocol(protocol)) {
      throw configInvalid(`Invalid security protocol \`${protocol}\` defined in ${key}: it must be one of ${securityProtocols.join(', ')}`)
    }
    if (map.has(name)) throw configInvalid(`Duplicate key ${name} in ${key}`)
    map.set(name, protocol)
  }
  return map
}

/** `1@host:9093,…`; the last entry of an id wins, as in Kafka. */
export function parseQuorumVoters(entries: readonly string[]): readonly QuorumVoter[] {
  const key = 'controller.quorum.voters'
  const voters = new Map<number, QuorumVoter>()
  for (const entry of entries) {
    const at = entry.indexOf('@')
    if (at < 0 || entry.indexOf('@', at + 1) >= 0)
      throw configInvalid(`Invalid configuration value for ${key}. Each entry should be in the form \`{id}@{host}:{port}\`.`)
    const id = entry.slice(0, at)
    if (!/^\d{1,10}$/.test(id) || Number(id) > 0x7fffffff)
      throw configInvalid(`Failed to parse voter ID as an integer from ${id} in ${key}`)
    const address = parseHostPort(key, entry.slice(at + 1), entry, '`{id}@{host}:{port}`.')
    if (address.host === '0.0.0.0') throw configInvalid(`Host string (${address.host}) is not routeable in ${key}`)
    voters.set(Number(id), { id: Number(id), ...address })
  }
  return [...voters.values()]
}

export function parseBootstrapServers(key: string, entries: readonly string[]): readonly HostPort[] {
  return entries.map((entry) => parseHostPort(key, entry, entry, '"{host}:{port}"'))
}

function parseHostPort(key: string, text: string, entry: string, form: string): HostPort {
  const match = /^(?:\[([0-9a-zA-Z\-._%:]*)\]|([0-9a-zA-Z\-._%]*)):(\d{1,5})$/.exec(text)
  if (match === null || Number(match[3]) > 65535) {
    throw configInvalid(
      `Failed to parse host name from entry ${entry} for the configuration ${key}. Each entry should be in the form ${form}`
    )
  }
  return { host: match[1] ?? match[2], port: Number(match[3]) }
}

/** `127.0.0.1:5,host:7` */
export function parseConnectionOverrides(text: string): ReadonlyMap<string, number> {
  const key = 'max.connections.per.ip.overrides'
  return new Map(
    splitList(text).map((entry) => {
      const match = /^(.+):(\d{1,9})$/.exec(entry)
      if (match === null) throw configInvalid(`Error parsing configuration property '${key}': ${entry} is not HOST:COUNT`)
      return [match[1].trim(), Number(match[2])]
    })
  )
}

function splitList(text: string): string[] {
  return text
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '')
}
