// What the kafka-* commands share: the world they see (io), the connection their flags name, and Java's names of errors, which
// Kafka's tools print. Files are read only here and in the commands, relative to io.cwd.
import { subscribe } from 'node:diagnostics_channel'
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { addAbortSignal } from 'node:stream'
import { OdradekError } from '@odradek/base'
import type { Admin, AdminOptions, KafkaError } from '@odradek/client'

export interface ToolIo {
  out(data: string | Uint8Array): void
  /** Resolves when standard output takes more; false: nobody reads it any more. */
  drained(): Promise<boolean>
  err(text: string): void
  /** Standard input. */
  readonly input: AsyncIterable<Uint8Array>
  /** Aborted when the user asks the command to end (SIGINT, SIGTERM): a command that runs on stops cleanly. */
  readonly signal: AbortSignal
  /** What paths on the command line are relative to. */
  readonly cwd: string
  /** Default: that of the process. */
  readonly env?: Readonly<Record<string, string | undefined>>
  /** A person types the input and sees the output. */
  readonly isTerminal?: boolean
}

export { OPEN_RECORDS_MAX, OpenRecords } from './open-records.ts'

let interrupted: AbortSignal | undefined
let isUnread: boolean | undefined
let standardError: NodeJS.WriteStream | undefined

/** A reader that has gone (`| head -1`) is no failure of a command: what is still written goes nowhere. */
function standardOutput(): NodeJS.WriteStream {
  if (isUnread === undefined) {
    isUnread = false
    process.stdout.on('error', () => {
      isUnread = true
    })
  }
  return process.stdout
}

export const processIo: ToolIo = {
  out: (data) => void standardOutput().write(data),
  async drained() {
    const output = standardOutput()
    if (output.writableNeedDrain && !isUnread)
      await new Promise<void>((resolve) => {
        for (const event of ['drain', 'error', 'close']) output.once(event, () => resolve())
      })
    return !isUnread
  },
  err(text) {
    // its reader goes away too (`2>&1 | head -1`)
    standardError ??= process.stderr.on('error', () => {})
    standardError.write(text)
  },
  /** Ends with an AbortError when the user interrupts. */
  get input() {
    return addAbortSignal(this.signal, process.stdin)
  },
  /** Made when it is asked for: a command that never looks at it is ended by the signal itself. */
  get signal() {
    interrupted ??= untilInterrupted()
    return interrupted
  },
  cwd: process.cwd(),
  get isTerminal() {
    return process.stdin.isTTY && process.stdout.isTTY
  }
}

function untilInterrupted(): AbortSignal {
  const controller = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => controller.abort(name))
  return controller.signal
}

/** What Java's tools exit with when they are interrupted, however cleanly they end. */
export const exitCodeOf = (signal: AbortSignal): number => (signal.reason === 'SIGTERM' ? 143 : 130)

/** The release of Kafka whose tools these are. */
export const KAFKA_VERSION = '4.3.1'
export const KAFKA_COMMIT = '26b251a451ce941d'

/** What is wrong with what was asked; `javaClass` is how Kafka's tool would name it. */
export class ToolError extends OdradekError {
  override readonly name: string = 'ToolError'
  readonly javaClass: string
  constructor(message: string, javaClass = 'java.lang.IllegalArgumentException') {
    super('TOOL_FAILED', message)
    this.javaClass = javaClass
  }
}

export interface Target {
  readonly bootstrapServer?: string
  readonly bootstrapController?: string
  readonly commandConfig?: string
  /** Settings that the file may change. */
  readonly defaults?: Readonly<Record<string, string>>
}

export async function withAdmin<T>(target: Target, io: ToolIo, use: (admin: Admin) => Promise<T>): Promise<T> {
  const given = target.commandConfig === undefined ? {} : await readCommandConfig(target.commandConfig, io)
  const { openAdmin } = await import('@odradek/client/admin')
  const bootstrap =
    target.bootstrapController === undefined
      ? { 'bootstrap.servers': target.bootstrapServer }
      : { 'bootstrap.controllers': target.bootstrapController }
  const logger = { isEnabled: () => false, log: () => {} }
  warnOfUnreachableBrokers('AdminClient', io)
  const settings: AdminOptions = { ...target.defaults, ...given, ...bootstrap }
  await using admin = opened(() => openAdmin(settings, logger))
  return await use(admin)
}

function opened(open: () => Admin): Admin {
  try {
    return open()
  } catch (error) {
    throw new ToolError(`Failed to create new KafkaAdminClient: ${messageOf(error)}`, 'org.apache.kafka.common.KafkaException')
  }
}

/** Files are often shared by clients of all kinds: what is no setting of an admin is told, not refused. */
async function readCommandConfig(path: string, io: ToolIo): Promise<Record<string, string>> {
  const { adminConfigDefinitions, parseProperties } = await import('@odradek/config')
  const entries = [...(await withoutReferences(parseProperties(readInput(path, io)), io))]
  const unused = entries.filter(([name]) => !adminConfigDefinitions.has(name)).map(([name]) => name)
  if (unused.length > 0) io.err(`WARN ${path}: no settings of an admin client, so without effect: ${unused.join(', ')}\n`)
  return Object.fromEntries(entries.filter(([name]) => adminConfigDefinitions.has(name)))
}

/** With what they refer to (config.providers) in the place of references. */
export async function withoutReferences(given: ReadonlyMap<string, string>, io: ToolIo): Promise<ReadonlyMap<string, string>> {
  if (!given.has('config.providers')) return given
  const [config, world] = await Promise.all([import('@odradek/config'), import('@odradek/world/node')])
  try {
    const { texts, warnings } = config.resolveConfigProviders(given, world.createNodeProviderSources({ cwd: io.cwd, env: io.env }))
    for (const warning of warnings) io.err(`WARN ${warning}\n`)
    return new Map([...texts].filter(([name]) => !config.isProviderSetting(name)))
  } catch (error) {
    if ((error as OdradekError).code !== 'CONFIG_INVALID') throw error
    throw new ToolError((error as Error).message, 'org.apache.kafka.common.config.ConfigException')
  }
}

export function readInput(path: string, io: ToolIo): string {
  try {
    return readFileSync(resolve(io.cwd, path), 'utf8')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') throw new ToolError(path, 'java.nio.file.NoSuchFileException')
    if (code === 'EACCES') throw new ToolError(path, 'java.nio.file.AccessDeniedException')
    if (code === 'EISDIR') throw new ToolError('Is a directory', 'java.io.IOException')
    throw error
  }
}

/** The result of one call of an admin. Its error as Kafka's tools have it. */
export async function call<T>(name: string, made: PromiseLike<T>): Promise<T> {
  try {
    return await made
  } catch (error) {
    throw unreachable(name, error)
  }
}

/** The error of a call with the words of Java's admin for a broker that cannot be reached; else as it is. */
export function unreachable(name: string, error: unknown): unknown {
  const { code } = firstOf(error) as { code?: string }
  if (code !== 'REQUEST_TIMED_OUT') return error
  return new ToolError(`Timed out waiting for a node assignment. Call: ${name}`, 'org.apache.kafka.common.errors.TimeoutException')
}

/** Of a call about several things: what went wrong with the first. */
export function firstOf(error: unknown): unknown {
  const errors = (error as { errors?: unknown } | null)?.errors
  return errors instanceof Map ? [...errors.values()][0] : error
}

export function messageOf(error: unknown): string {
  const first = firstOf(error)
  return first instanceof Error ? first.message : String(first)
}

/** Where the name of Kafka's exception is not that of the error code in other letters. */
const exceptions: Readonly<Record<string, string>> = {
  CORRUPT_MESSAGE: 'CorruptRecordException',
  DELEGATION_TOKEN_AUTH_DISABLED: 'DelegationTokenDisabledException',
  DELEGATION_TOKEN_REQUEST_NOT_ALLOWED: 'UnsupportedByAuthenticationException',
  DUPLICATE_SEQUENCE_NUMBER: 'DuplicateSequenceException',
  FETCH_SESSION_TOPIC_ID_ERROR: 'FetchSessionTopicIdException',
  INVALID_CONFIG: 'InvalidConfigurationException',
  INVALID_PRODUCER_ID_MAPPING: 'InvalidPidMappingException',
  INVALID_REGULAR_EXPRESSION: 'InvalidRegularExpression',
  INVALID_TRANSACTION_TIMEOUT: 'InvalidTxnTimeoutException',
  KAFKA_STORAGE_ERROR: 'KafkaStorageException',
  MESSAGE_TOO_LARGE: 'RecordTooLargeException',
  NON_EMPTY_GROUP: 'GroupNotEmptyException',
  OFFSET_METADATA_TOO_LARGE: 'OffsetMetadataTooLarge',
  OUT_OF_ORDER_SEQUENCE_NUMBER: 'OutOfOrderSequenceException',
  RECORD_LIST_TOO_LARGE: 'RecordBatchTooLargeException',
  REQUEST_TIMED_OUT: 'TimeoutException',
  STALE_CONTROLLER_EPOCH: 'ControllerMovedException',
  TOPIC_ALREADY_EXISTS: 'TopicExistsException',
  UNKNOWN_SERVER_ERROR: 'UnknownServerException'
}

/** `org.apache.kafka.common.errors.TopicExistsException: Topic 'a' already exists.` */
export function javaError(error: unknown): string {
  const first = firstOf(error)
  if (first instanceof ToolError) return `${first.javaClass}: ${first.message}`
  return `org.apache.kafka.common.errors.${exceptionName((first as KafkaError).code ?? 'UNKNOWN_SERVER_ERROR')}: ${messageOf(first)}`
}

export function exceptionName(code: string): string {
  const words = code
    .replace(/_(FAILED|FAILURE|EXCEPTION)$/, '')
    .toLowerCase()
    .split('_')
  return exceptions[code] ?? `${words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('')}Exception`
}

/** As Kafka's tools log: a line on standard error with the time. */
export function logError(io: ToolIo, text: string, logger: string): void {
  io.err(`[${timeOfLog()}] ERROR ${text} (${logger})\n`)
}

export function logWarning(io: ToolIo, text: string, logger: string): void {
  io.err(`[${timeOfLog()}] WARN ${text} (${logger})\n`)
}

/** Now, in local time: `2026-11-21 10:07:08,504`. */
export function timeOfLog(): string {
  const now = new Date()
  const local = new Date(now.getTime() - now.getTimezoneOffset() * 60_000).toISOString()
  return `${local.slice(0, 19).replace('T', ' ')},${local.slice(20, 23)}`
}

const WARNING_INTERVAL_MS = 5_000
let warnsOfBrokers = false

/**
 * A command whose broker does not answer tries on for as long as its settings say: this tells why nothing happens, now and then.
 * `client` is how Kafka's tools name theirs: `Producer clientId=console-producer`.
 */
export function warnOfUnreachableBrokers(client: string, io: ToolIo): void {
  // Clients of several commands in one process could not be told apart.
  if (io !== processIo || warnsOfBrokers) return
  warnsOfBrokers = true
  let nextMs = 0
  subscribe('odradek:connection:error', (message) => {
    if (Date.now() < nextMs) return
    nextMs = Date.now() + WARNING_INTERVAL_MS
    const { address, error } = message as { address: string; error: Error }
    io.err(`[${timeOfLog()}] WARN [${client}] Connection to ${address} could not be established: ${error.message}\n`)
  })
}

/** Kafka's list of topics as one expression: commas are alternatives, spaces and quotes around are nothing. The whole name must match. */
export function topicFilter(text: string): (topic: string) => boolean {
  const source = text
    .trim()
    .replaceAll(',', '|')
    .replaceAll(' ', '')
    .replace(/^["']+/, '')
    .replace(/["']+$/, '')
  let pattern: RegExp
  try {
    pattern = new RegExp(`^(?:${source})$`)
  } catch {
    throw new ToolError(`${text} is an invalid regex.`, 'java.lang.RuntimeException')
  }
  return (topic) => pattern.test(topic)
}

const internalTopics = new Set(['__consumer_offsets', '__transaction_state', '__share_group_state'])
export const isInternalTopic = (topic: string): boolean => internalTopics.has(topic)
