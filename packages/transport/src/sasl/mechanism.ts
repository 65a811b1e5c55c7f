// One SASL mechanism of a client and one exchange of it. An exchange is a synchronous state machine: challenges in, answers out.
import { OdradekError } from '@odradek/base'

export interface SaslExchange {
  /**
   * The bytes to send next, for the challenge that came (undefined at first); undefined when nothing is left to say. Throws
   * SASL_AUTHENTICATION_FAILED when the challenge is wrong.
   */
  step(challenge: Buffer | undefined): Buffer | undefined
  /** The server has proved what it had to, and wants no more. */
  readonly isComplete: boolean
}

export interface SaslMechanism {
  /** As Kafka names it: SCRAM-SHA-256. */
  readonly name: string
  /** Gets the credentials ready. Rejects when they cannot be had. */
  begin(): Promise<SaslExchange>
  /** The broker did not take them: what is kept of them is not used again. */
  onRefused?(): void
}

/** Never contains a secret. */
export function authenticationFailed(message: string): OdradekError {
  return new OdradekError('SASL_AUTHENTICATION_FAILED', message)
}
