// How kafka-transactions tells what failed, and names partitions.
import type { KafkaError, TopicPartition } from '@odradek/client'
import { firstOf, messageOf, ToolError, unreachable } from '../tool.ts'

/** What Kafka's admin says of an error of the broker. undefined: the error's own message. */
export type Words = (code: string, message: string) => string | undefined

/** The result of a call. Its failure is told in the words of Kafka's tool. */
export async function attempt<T>(call: string, made: PromiseLike<T>, what: string, words?: Words): Promise<T> {
  try {
    return await made
  } catch (error) {
    const { code = 'REQUEST_TIMED_OUT', errorCode } = firstOf(error) as Partial<KafkaError>
    const isOfBroker = code !== 'REQUEST_TIMED_OUT' && errorCode !== undefined
    throw failure(what, (isOfBroker ? words?.(code, messageOf(error)) : undefined) ?? messageOf(unreachable(call, error)))
  }
}

export const failure = (what: string, why: string): ToolError =>
  new ToolError(`${what}: ${why}. Enable debug logging for additional detail.`)

const whyNotDescribed: Readonly<Record<string, string>> = {
  TRANSACTIONAL_ID_AUTHORIZATION_FAILED: 'due to authorization failure',
  TRANSACTIONAL_ID_NOT_FOUND: 'because the ID could not be found'
}

export const descriptionWords =
  (id: string): Words =>
  (code) =>
    `DescribeTransactions request for transactionalId \`${id}\` failed ${whyNotDescribed[code] ?? 'due to unexpected error'}`

export const keyOf = ({ topic, partition }: TopicPartition): string => `${topic}-${partition}`

export const producersCall = (brokerId: number | undefined): string =>
  `describeProducers(api=${brokerId === undefined ? 'METADATA' : 'DESCRIBE_PRODUCERS'})`

export const producersWords =
  ({ topic, partition }: TopicPartition, brokerId?: number): Words =>
  (code) => {
    const request = `Failed to describe active producers for partition ${topic}-${partition}`
    if (code === 'TOPIC_AUTHORIZATION_FAILED') return `${request} due to authorization failure on topic \`${topic}\``
    return code === 'NOT_LEADER_OR_FOLLOWER' && brokerId !== undefined ? `${request} on brokerId ${brokerId}` : undefined
  }
