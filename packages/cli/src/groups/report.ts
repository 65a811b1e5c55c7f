// What the commands about groups print alike.
import type { KafkaError, Node, TopicPartition } from '@odradek/client'
import { errorByCode } from '@odradek/protocol'
import { stringOrder } from '../java.ts'
import { javaError, type ToolIo } from '../tool.ts'

export const MISSING = '-'

/** A line of a table; the last cell is not padded when it has no width. */
export const row = (cells: readonly (string | number)[], widths: readonly number[]): string =>
  cells.map((cell, index) => String(cell).padEnd(widths[index] ?? 0)).join(' ')

export const widthOf = (texts: readonly string[], least = 15): number => texts.reduce((width, text) => Math.max(width, text.length), least)

/** Kafka's tools tell a failure on standard output, and the exception on standard error. */
export function printError(io: ToolIo, message: string, error?: unknown): void {
  io.out(`\nError: ${message}\n`)
  if (error !== undefined) io.err(`${javaError(error)}\n`)
}

export const orMissing = (value: string | number | undefined): string => (value === undefined ? MISSING : String(value))

export const coordinatorText = (node: Node | undefined, gap = '  '): string =>
  node === undefined ? MISSING : `${node.host}:${node.port}${gap}(${node.id})`

/** `orders:0,1;payments:3`. */
export function assignmentText(partitions: readonly TopicPartition[]): string {
  const topics = Map.groupBy(partitions, ({ topic }) => topic)
  const texts = [...topics].map(([topic, own]) => {
    const numbers = own.map(({ partition }) => partition).sort((a, b) => a - b)
    return `${topic}:${numbers.join(',')}`
  })
  return texts.sort().join(';')
}

export interface Deletion {
  readonly kind: 'consumer' | 'share' | 'streams'
  readonly deleted: readonly string[]
  /** In the order to be told. */
  readonly failed: readonly (readonly [groupId: string, error: unknown])[]
}

export function reportDeletion(io: ToolIo, { kind, deleted, failed }: Deletion): void {
  const ofStreams = kind === 'streams'
  const names = stringOrder(deleted)
  const quoted = ofStreams ? `'${names.join("', '")}'` : names.map((name) => `'${name}'`).join(', ')
  if (failed.length === 0) {
    io.out(`Deletion of requested ${kind} groups (${quoted}) was successful.\n`)
    return
  }
  printError(io, `Deletion of some ${kind} groups failed:`)
  for (const [name, error] of failed) io.out(`* Group '${name}' could not be deleted due to: ${javaError(error)}\n`)
  if (names.length > 0) io.out(`\nThese ${kind} groups were deleted successfully: ${quoted}${ofStreams ? '.' : ''}\n`)
}

const wholeRequest = ['INVALID_GROUP_ID', 'GROUP_ID_NOT_FOUND', 'GROUP_AUTHORIZATION_FAILED', 'NON_EMPTY_GROUP']
const onePartition = ['GROUP_SUBSCRIBED_TO_TOPIC', 'TOPIC_AUTHORIZATION_FAILED', 'UNKNOWN_TOPIC_OR_PARTITION']

export interface OffsetDeletion {
  readonly topic: string
  /** -1: the topic as a whole. */
  readonly partition: number
  readonly error?: unknown
}

/** `failure` is what the request as a whole ended with. */
export function reportOffsetDeletion(
  io: ToolIo,
  groupId: string,
  results: readonly OffsetDeletion[],
  failure: KafkaError | undefined
): void {
  const code = failure?.code ?? ''
  if (failure === undefined) io.out(`Request succeeded for deleting offsets from group ${groupId}.\n`)
  else if (wholeRequest.includes(code)) printError(io, errorByCode(failure.errorCode).message)
  else if (onePartition.includes(code)) printError(io, 'Encountered some partition-level error, see the follow-up details.')
  else printError(io, `Encountered some unknown error: ${code}`)
  const widths = [widthOf(results.map(({ topic }) => topic)), 10, 15]
  io.out(`\n${row(['TOPIC', 'PARTITION', 'STATUS'], widths)}`)
  const key = ({ topic, partition }: OffsetDeletion): string => topic + partition
  for (const result of results.toSorted((a, b) => (key(a) < key(b) ? -1 : 1))) {
    const status = result.error === undefined ? 'Successful' : `Error: ${javaError(result.error)}`
    io.out(`\n${row([result.topic, result.partition < 0 ? MISSING : result.partition, status], widths)}`)
  }
  io.out('\n')
}
