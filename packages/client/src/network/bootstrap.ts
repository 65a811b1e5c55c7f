import { ErrorCode } from '@odradek/protocol'
import { KafkaError } from '../errors.ts'

export interface Endpoint {
  readonly host: string
  readonly port: number
}

/** `host:port,[::1]:9092` or a list of those; a port must be there. Doubles are dropped. */
export function parseBrokers(brokers: string | readonly string[]): readonly Endpoint[] {
  const texts = (typeof brokers === 'string' ? [brokers] : brokers).flatMap((text) => text.split(',')).map((text) => text.trim())
  const found = new Map<string, Endpoint>()
  for (const text of texts) {
    if (text === '') continue
    const [, bracketed, plain, digits] = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text) ?? []
    const port = Number(digits)
    if (digits === undefined || port < 1 || port > 65_535) throw invalidBrokers(`"${text}" in bootstrap.servers is not host:port`)
    found.set(text, { host: bracketed ?? plain, port })
  }
  if (found.size === 0) throw invalidBrokers('bootstrap.servers names no broker: give at least one host:port')
  return [...found.values()]
}

function invalidBrokers(message: string): KafkaError {
  return new KafkaError(ErrorCode.INVALID_CONFIG, { message })
}
