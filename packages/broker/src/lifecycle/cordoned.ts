import type { BrokerConfig } from '@odradek/config'

/** Whether `cordoned.log.dirs` keeps new logs out of this directory of `log.dirs`. */
export function isCordoned(config: BrokerConfig, path: string): boolean {
  return config.get('cordoned.log.dirs').some((cordoned) => cordoned === '*' || cordoned === path)
}
