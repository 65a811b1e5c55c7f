// odradek cluster: info, features.
import { outputOption, runVerb, type Verb } from './arguments.ts'
import { adminSettings, withKafka } from './connect.ts'
import type { CommandIo } from './io.ts'
import { show } from './output.ts'

export const cluster = (args: readonly string[], io: CommandIo): Promise<number> => runVerb('cluster', verbs, args, io)

const info: Verb = {
  spec: { usage: 'cluster info', about: 'The brokers of the cluster.', options: outputOption },
  run: (args, io) =>
    withKafka(args, io, async (kafka, settings) => {
      const admin = kafka.admin(await adminSettings(settings))
      return await show(args, io, async () => {
        const { clusterId, controller, nodes } = await admin.describeCluster()
        const rows = nodes.map(({ id, host, port, rack, isFenced }) => ({
          ...{ broker: id, address: `${host}:${port}`, rack, isController: id === controller?.id, isFenced, clusterId }
        }))
        return { rows, columns: ['broker', 'address', 'rack', 'isController'], title: `cluster ${clusterId}` }
      })
    })
}

const features: Verb = {
  spec: { usage: 'cluster features', about: 'Features and their finalized levels.', options: outputOption },
  run: (args, io) =>
    withKafka(args, io, async (kafka, settings) => {
      const admin = kafka.admin(await adminSettings(settings))
      return await show(args, io, async () => {
        const { finalizedFeatures, supportedFeatures } = await admin.describeFeatures()
        const rows = [...supportedFeatures].map(([feature, range]) => ({
          feature,
          level: finalizedFeatures.get(feature)?.maxVersionLevel ?? 0,
          min: range.minVersion,
          max: range.maxVersion
        }))
        return { rows: rows.sort((a, b) => (a.feature < b.feature ? -1 : 1)), columns: ['feature', 'level', 'min', 'max'] }
      })
    })
}

export const verbs: Readonly<Record<string, Verb>> = { info, features }
