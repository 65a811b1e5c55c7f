import { pbkdf2 } from 'node:crypto'
import {
  AlterUserScramCredentialsRequest,
  AlterUserScramCredentialsResponse,
  DescribeUserScramCredentialsRequest,
  DescribeUserScramCredentialsResponse,
  ErrorCode
} from '@odradek/protocol'
import { errorOf, KafkaError } from '../errors.ts'
import type { Cluster } from '../network/cluster.ts'
import type { CallOptions } from '../types.ts'
import { drive, toController } from './driver.ts'
import { KeyedResult } from './keyed-result.ts'
import { type ScramMechanismName, scramMechanismName, scramMechanismNumber } from './names.ts'

export interface ScramCredentialInfo {
  readonly mechanism: ScramMechanismName | 'UNKNOWN'
  readonly iterations: number
}

/** Without `upsert` the credential of the mechanism is deleted. The password never leaves this process. */
export interface UserScramCredentialAlteration {
  readonly user: string
  readonly mechanism: ScramMechanismName
  readonly upsert?: {
    readonly password: string | Buffer
    /** 4096 to 16384. Default 4096. Others, and an empty password, are an UNACCEPTABLE_CREDENTIAL. */
    readonly iterations?: number
    /** Default: 24 random bytes. */
    readonly salt?: Buffer
  }
}

const SALT_BYTES = 24
const ITERATIONS_MIN = 4096
const ITERATIONS_MAX = 16_384

/** Of these users, or of all. Keys are user names. */
export function describeUserScramCredentials(
  cluster: Cluster,
  users: readonly string[] = [],
  options: CallOptions = {}
): KeyedResult<readonly ScramCredentialInfo[]> {
  const body = { users: users.length === 0 ? null : users.map((name) => ({ name })) }
  const call = cluster.call({ anyNode: true }, DescribeUserScramCredentialsRequest, DescribeUserScramCredentialsResponse, body, {
    ...options,
    errorOf: ({ errorCode, errorMessage }) => errorOf(errorCode, errorMessage)
  })
  const outcomes = call.then(({ results }) => {
    const found = results.map((result) => ({
      user: result.user,
      error: errorOf(result.errorCode, result.errorMessage),
      infos: result.credentialInfos.map(({ mechanism, iterations }) => ({ mechanism: scramMechanismName(mechanism), iterations }))
    }))
    const values = new Map(found.filter(({ error }) => error === undefined).map(({ user, infos }) => [user, infos]))
    const errors = new Map(found.flatMap(({ user, error }) => (error === undefined ? [] : [[user, error] as const])))
    return { values, errors }
  })
  return new KeyedResult(outcomes)
}

/** Keys are user names: the alterations of one user succeed or fail together. */
export function alterUserScramCredentials(
  cluster: Cluster,
  alterations: readonly UserScramCredentialAlteration[],
  options: CallOptions = {}
): KeyedResult<void> {
  const prepared = Promise.all(alterations.map((alteration) => prepare(cluster, alteration)))
  const outcomes = prepared.then((wanted) => {
    const plan = {
      what: 'alterUserScramCredentials',
      keys: [...new Set(wanted.map(({ name }) => name))],
      route: toController,
      retryOn: new Set([ErrorCode.NOT_CONTROLLER]),
      onRetry: () => cluster.invalidate(),
      async send({ target, keys }: { target: Parameters<Cluster['attempt']>[0]; keys: readonly string[] }, signal: AbortSignal) {
        const own = wanted.filter(({ name }) => keys.includes(name))
        const body = {
          deletions: own.filter(({ upsertion }) => upsertion === undefined).map(({ name, mechanism }) => ({ name, mechanism })),
          upsertions: own.flatMap(({ name, mechanism, upsertion }) => (upsertion === undefined ? [] : [{ name, mechanism, ...upsertion }]))
        }
        const response = await cluster.attempt(target, AlterUserScramCredentialsRequest, AlterUserScramCredentialsResponse, body, {
          signal
        })
        return response.results.map((result) => [result.user, errorOf(result.errorCode, result.errorMessage)] as const)
      }
    }
    return drive<void>(cluster, plan, options).outcomes()
  })
  return new KeyedResult(outcomes)
}

/** What a broker would refuse, in its words; an empty password it cannot see. */
function credentialProblem(password: string | Buffer, iterations: number): string | undefined {
  if (password.length === 0) return 'Password must not be empty'
  if (!(iterations >= ITERATIONS_MIN)) return 'Too few iterations'
  return iterations > ITERATIONS_MAX ? 'Too many iterations' : undefined
}

async function prepare(cluster: Cluster, { user: name, mechanism: mechanismName, upsert }: UserScramCredentialAlteration) {
  const mechanism = scramMechanismNumber(mechanismName)
  if (upsert === undefined) return { name, mechanism, upsertion: undefined }
  const iterations = upsert.iterations ?? ITERATIONS_MIN
  const problem = credentialProblem(upsert.password, iterations)
  if (problem !== undefined) throw new KafkaError(ErrorCode.UNACCEPTABLE_CREDENTIAL, { message: problem })
  const salt = upsert.salt ?? Buffer.from(cluster.world.random.bytes(SALT_BYTES))
  const digest = mechanismName === 'SCRAM-SHA-256' ? { name: 'sha256', size: 32 } : { name: 'sha512', size: 64 }
  const saltedPassword = await new Promise<Buffer>((resolve, reject) => {
    pbkdf2(upsert.password, salt, iterations, digest.size, digest.name, (error, key) => (error === null ? resolve(key) : reject(error)))
  })
  return { name, mechanism, upsertion: { iterations, salt, saltedPassword } }
}
