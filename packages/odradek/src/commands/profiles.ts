// Clusters by name: a file of the user's own, readable by nobody else, since settings may hold passwords.
import { chmodSync, existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { OdradekError } from '@odradek/base'
import { makeFolder } from '@odradek/world/node'
import type { CommandIo } from './io.ts'

export interface Profile {
  readonly brokers: string
  readonly settings: Readonly<Record<string, string>>
}

export interface Profiles {
  readonly current?: string
  readonly profiles: Readonly<Record<string, Profile>>
}

export function profilesPath({ env }: CommandIo): string {
  if (env.ODRADEK_PROFILES !== undefined) return env.ODRADEK_PROFILES
  return join(env.XDG_CONFIG_HOME ?? join(env.HOME ?? homedir(), '.config'), 'odradek', 'profiles.json')
}

export function readProfiles(io: CommandIo): Profiles {
  const path = profilesPath(io)
  if (!existsSync(path)) return { profiles: {} }
  try {
    const { current, profiles } = JSON.parse(readFileSync(path, 'utf8')) as Partial<Profiles>
    if (typeof profiles !== 'object' || profiles === null) throw new Error('it has no profiles')
    return { current, profiles }
  } catch (error) {
    throw new OdradekError('PROFILES_UNREADABLE', `${path} cannot be read: ${(error as Error).message}. Mend or delete it.`)
  }
}

export function writeProfiles(profiles: Profiles, io: CommandIo): void {
  const path = profilesPath(io)
  makeFolder(dirname(path), 0o700)
  const written = `${path}.${process.pid}.tmp`
  writeFileSync(written, `${JSON.stringify(profiles, null, 2)}\n`, { mode: 0o600 })
  chmodSync(written, 0o600)
  renameSync(written, path)
}
