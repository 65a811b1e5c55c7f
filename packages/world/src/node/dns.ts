import { lookup, lookupService } from 'node:dns/promises'

export async function canonicalNames(host: string): Promise<readonly string[]> {
  const addresses = await lookup(host, { all: true })
  const names = await Promise.all(addresses.map(async ({ address }) => await nameOf(address)))
  return [...new Set(names)]
}

async function nameOf(address: string): Promise<string> {
  try {
    return (await lookupService(address, 0)).hostname
  } catch {
    return address
  }
}
