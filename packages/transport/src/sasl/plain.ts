// RFC 4616.
import { authenticationFailed, type SaslMechanism } from './mechanism.ts'

export function plainMechanism(username: string, password: string): SaslMechanism {
  return {
    name: 'PLAIN',
    async begin() {
      let isComplete = false
      return {
        step(challenge) {
          if (challenge === undefined) return Buffer.from(`\0${username}\0${password}`, 'utf8')
          if (challenge.length > 0) throw authenticationFailed('The broker answers PLAIN with a challenge, which it has none of')
          isComplete = true
          return undefined
        },
        get isComplete() {
          return isComplete
        }
      }
    }
  }
}
