// SaslHandshake and SaslAuthenticate (KIP-43, KIP-152, KIP-368) over a connection: what both the first authentication and those after
// it do.
import {
  ErrorCode,
  type Input,
  type MessageCodec,
  SaslAuthenticateRequest,
  SaslAuthenticateResponse,
  SaslHandshakeRequest,
  SaslHandshakeResponse
} from '@odradek/protocol'
import { protocolViolation, unsupportedMechanism } from '../client-errors.ts'
import { printable } from '../rate-limited-log.ts'
import { authenticationFailed, type SaslExchange, type SaslMechanism } from './mechanism.ts'

export interface SaslChannel {
  readonly address: string
  request<Q, R>(request: MessageCodec<Q>, response: MessageCodec<R>, body: Input<Q>): Promise<R>
}

/** Messages of one exchange; SCRAM, the longest, has two. */
const ROUNDS_MAX = 8

/** Resolves to the lifetime of the session in ms; 0 is without end. */
export async function authenticate(channel: SaslChannel, mechanism: SaslMechanism, exchange: SaslExchange): Promise<number> {
  const { address } = channel
  const { name } = mechanism
  const handshake = await channel.request(SaslHandshakeRequest, SaslHandshakeResponse, { mechanism: name })
  if (handshake.errorCode === ErrorCode.UNSUPPORTED_SASL_MECHANISM) throw unsupportedMechanism(address, name, handshake.mechanisms)
  if (handshake.errorCode !== ErrorCode.NONE)
    throw authenticationFailed(`${address} refuses SASL with error ${handshake.errorCode}: is the listener one with SASL?`)
  let authBytes = exchange.step(undefined)
  for (let round = 0; round < ROUNDS_MAX && authBytes !== undefined; round++) {
    const answer = await channel.request(SaslAuthenticateRequest, SaslAuthenticateResponse, { authBytes })
    if (answer.errorCode !== ErrorCode.NONE) {
      mechanism.onRefused?.()
      const reason = printable(answer.errorMessage ?? `error ${answer.errorCode}`)
      throw authenticationFailed(`${address} refuses the credentials of ${name}: ${reason}`)
    }
    authBytes = exchange.step(answer.authBytes)
    if (exchange.isComplete && authBytes === undefined) return Math.max(0, answer.sessionLifetimeMs)
  }
  throw protocolViolation(address, `its side of ${name} does not come to an end`)
}
