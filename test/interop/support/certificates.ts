// Certificates of two authorities, made in a folder of the test by openssl and keytool: a broker's, a client's, and stores of each kind.
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ToolchainMissing } from './toolchains.ts'

export const storePassword = 'store-secret'

export interface Certificates {
  readonly dir: string
  /** Path of a file in the folder: ca.pem, other-ca.pem, broker.p12, client.pem, client.key, client-encrypted.key, trust.jks, … */
  file(name: string): string
}

function run(program: string, args: readonly string[], cwd: string): void {
  try {
    execFileSync(program, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw new ToolchainMissing(`${program} is not present`)
    throw error
  }
}

function authority(dir: string, name: string): void {
  const args = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', `/CN=${name}`]
  run('openssl', [...args, '-keyout', `${name}.key`, '-out', `${name}.pem`], dir)
}

function signed(dir: string, { name, ca, alternatives }: { name: string; ca: string; alternatives?: string }): void {
  run('openssl', ['req', '-newkey', 'rsa:2048', '-nodes', '-subj', `/CN=${name}`, '-keyout', `${name}.key`, '-out', `${name}.csr`], dir)
  writeFileSync(join(dir, `${name}.ext`), alternatives === undefined ? '' : `subjectAltName=${alternatives}\n`)
  const by = ['-CA', `${ca}.pem`, '-CAkey', `${ca}.key`, '-CAcreateserial', '-days', '2', '-extfile', `${name}.ext`]
  run('openssl', ['x509', '-req', '-in', `${name}.csr`, ...by, '-out', `${name}.pem`], dir)
}

function pkcs12(dir: string, name: string, ca: string): void {
  const args = ['pkcs12', '-export', '-in', `${name}.pem`, '-inkey', `${name}.key`, '-certfile', `${ca}.pem`, '-name', name]
  run('openssl', [...args, '-passout', `pass:${storePassword}`, '-out', `${name}.p12`], dir)
}

/** Throws ToolchainMissing without openssl or keytool. */
export function makeCertificates(dir: string): Certificates {
  for (const name of ['ca', 'other-ca']) authority(dir, name)
  signed(dir, { name: 'broker', ca: 'ca', alternatives: 'DNS:localhost,IP:127.0.0.1' })
  signed(dir, { name: 'elsewhere', ca: 'ca', alternatives: 'DNS:broker.example' })
  signed(dir, { name: 'client', ca: 'ca' })
  for (const name of ['broker', 'elsewhere', 'client']) pkcs12(dir, name, 'ca')
  const encrypted = ['pkcs8', '-topk8', '-in', 'client.key', '-v2', 'aes-256-cbc', '-passout', `pass:${storePassword}`]
  run('openssl', [...encrypted, '-out', 'client-encrypted.key'], dir)
  for (const [type, file] of Object.entries({ PKCS12: 'trust.p12', JKS: 'trust.jks' })) {
    const args = ['-importcert', '-noprompt', '-alias', 'ca', '-file', 'ca.pem', '-storetype', type, '-storepass', storePassword]
    run('keytool', [...args, '-keystore', file], dir)
  }
  const imported = ['-importkeystore', '-noprompt', '-srckeystore', 'client.p12', '-srcstorepass', storePassword]
  run('keytool', [...imported, '-destkeystore', 'client.jks', '-deststoretype', 'JKS', '-deststorepass', storePassword], dir)
  return { dir, file: (name) => join(dir, name) }
}
