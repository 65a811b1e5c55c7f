// Apache Kafka with listeners of every kind of security, its certificates, and its users: alice in PLAIN and SCRAM, anybody's token
// without signature in OAUTHBEARER.
import { readFileSync, rmSync } from 'node:fs'
import { Kafka } from '@odradek/client'
import { type BrokerProcess, freePort, startBroker, temporaryDir } from '../interop/support/brokers.ts'
import { type Certificates, makeCertificates, storePassword } from '../interop/support/certificates.ts'
import { kafkaClassPath } from '../interop/support/toolchains.ts'

export const listenerNames = ['SSL', 'MTLS', 'ELSEWHERE', 'SASL_SSL', 'SASL_PLAINTEXT', 'REAUTH'] as const
export type ListenerName = (typeof listenerNames)[number]

const protocols: Record<ListenerName, string> = {
  SSL: 'SSL',
  MTLS: 'SSL',
  ELSEWHERE: 'SSL',
  SASL_SSL: 'SASL_SSL',
  SASL_PLAINTEXT: 'SASL_PLAINTEXT',
  REAUTH: 'SASL_SSL'
}
const modules = 'org.apache.kafka.common.security'
export const users = { alice: 'alice-secret' }

export interface SecureBroker extends AsyncDisposable {
  readonly broker: BrokerProcess
  readonly certificates: Certificates
  readonly ca: string
  address(name: ListenerName | 'PLAINTEXT'): string
}

function saslOf(name: string): Record<string, string> {
  const prefix = `listener.name.${name.toLowerCase()}`
  return {
    [`${prefix}.sasl.enabled.mechanisms`]: 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER',
    [`${prefix}.plain.sasl.jaas.config`]: `${modules}.plain.PlainLoginModule required user_alice="${users.alice}";`,
    [`${prefix}.scram-sha-256.sasl.jaas.config`]: `${modules}.scram.ScramLoginModule required;`,
    [`${prefix}.scram-sha-512.sasl.jaas.config`]: `${modules}.scram.ScramLoginModule required;`,
    [`${prefix}.oauthbearer.sasl.jaas.config`]: `${modules}.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="broker";`
  }
}

function storesOf(certificates: Certificates, prefix: string, store: string): Record<string, string> {
  return {
    [`${prefix}ssl.keystore.type`]: 'PKCS12',
    [`${prefix}ssl.keystore.location`]: certificates.file(store),
    [`${prefix}ssl.keystore.password`]: storePassword,
    [`${prefix}ssl.truststore.type`]: 'PEM',
    [`${prefix}ssl.truststore.location`]: certificates.file('ca.pem')
  }
}

/** Throws ToolchainMissing without Java, Maven or openssl. */
export function prepareCertificates(): Certificates {
  kafkaClassPath()
  return makeCertificates(temporaryDir('certificates'))
}

export async function startSecureBroker(certificates: Certificates, overrides: Record<string, string> = {}): Promise<SecureBroker> {
  const listeners: Record<string, { port: number; protocol: string }> = {}
  for (const name of listenerNames) listeners[name] = { port: await freePort(), protocol: protocols[name] }
  const sasl = ['SASL_SSL', 'SASL_PLAINTEXT', 'REAUTH'].map(saslOf)
  const broker = await startBroker({
    kind: 'apache',
    listeners,
    overrides: {
      ...storesOf(certificates, '', 'broker.p12'),
      ...storesOf(certificates, 'listener.name.elsewhere.', 'elsewhere.p12'),
      'listener.name.mtls.ssl.client.auth': 'required',
      'delegation.token.secret.key': 'master-key',
      'listener.name.reauth.connections.max.reauth.ms': '2000',
      ...Object.assign({}, ...sasl),
      ...overrides
    }
  })
  await using kafka = new Kafka({ brokers: broker.bootstrapServers })
  const admin = kafka.admin()
  // Not in one request: a broker takes one credential of a user at a time.
  for (const mechanism of ['SCRAM-SHA-256', 'SCRAM-SHA-512'] as const)
    await admin.alterUserScramCredentials([{ user: 'alice', mechanism, upsert: { password: users.alice } }])
  return {
    broker,
    certificates,
    ca: readFileSync(certificates.file('ca.pem'), 'utf8'),
    address: (name) => (name === 'PLAINTEXT' ? broker.bootstrapServers : `localhost:${listeners[name].port}`),
    async [Symbol.asyncDispose]() {
      await broker[Symbol.asyncDispose]()
      rmSync(certificates.dir, { recursive: true, force: true })
    }
  }
}
