// The group coordinator as the target of scripts, in virtual time. Requests and answers pass the codecs, and topics are
// looked up as a broker does that has the topic `t` with three partitions.
import { ErrorCode, type OffsetCommitRequest, type OffsetDeleteRequest, type OffsetFetchRequest } from '@odradek/protocol'
import type { OffsetFetchRequestGroup } from '../../src/index.ts'
import { GroupBench, TOPIC_ID } from '../support/group-bench.ts'
import { type ApiRequest, apis, CLIENT_ID } from './apis.ts'
import type { Pending, Target } from './scenario.ts'

type Message = Record<string, unknown>

const exists = (topic: string, partition: number): boolean => topic === 't' && partition < 3

export class CoordinatorTarget implements Target {
  readonly #bench: GroupBench

  constructor(bench: GroupBench) {
    this.#bench = bench
  }

  static async start(): Promise<CoordinatorTarget> {
    const config = { minSessionTimeoutMs: 1_000, initialRebalanceDelayMs: 400, groupMembersMax: 4 }
    return new CoordinatorTarget(await GroupBench.start({ partitions: 3, config }))
  }

  send({ api, version, body }: ApiRequest): Pending {
    const [request, response] = apis[api]
    const sent = request.decode(request.encode(body, version), version)
    const pending = this.#bench.answer(this.#handle({ api, version, body: sent }) as Message | Promise<Message>)
    let hasCome = false
    pending.whenCome(() => {
      hasCome = true
    })
    return {
      answer: async () => response.decode(response.encode(await pending.value(), version), version),
      hasCome: async () => {
        await this.#bench.world.settle()
        return hasCome
      }
    }
  }

  async wait(ms: number): Promise<void> {
    await this.#bench.advance(ms)
  }

  #handle({ api, version, body }: ApiRequest): unknown {
    const { coordinator } = this.#bench
    const context = { apiVersion: version, clientId: CLIENT_ID, clientHost: '/127.0.0.1' }
    switch (api) {
      case 'JoinGroup':
        return coordinator.joinGroup(context, body as never)
      case 'SyncGroup':
        return coordinator.syncGroup(context, body as never)
      case 'Heartbeat':
        return coordinator.heartbeat(context, body as never)
      case 'LeaveGroup':
        return coordinator.leaveGroup(context, body as never)
      case 'DescribeGroups':
        return { groups: coordinator.describeGroups(context, (body as { groups: string[] }).groups) }
      case 'DeleteGroups':
        return this.#deleteGroups(context, (body as { groupsNames: string[] }).groupsNames)
      case 'OffsetCommit':
        return this.#commit(context, body as OffsetCommitRequest)
      case 'OffsetDelete':
        return this.#deleteOffsets(context, body as OffsetDeleteRequest)
      case 'OffsetFetch':
        return this.#fetch(context, body as OffsetFetchRequest)
    }
  }

  async #deleteGroups(context: Parameters<GroupBench['coordinator']['deleteGroups']>[0], groups: string[]): Promise<object> {
    return { results: await this.#bench.coordinator.deleteGroups(context, groups) }
  }

  async #commit(context: Parameters<GroupBench['coordinator']['commitOffsets']>[0], request: OffsetCommitRequest): Promise<object> {
    const { known, refused } = split(request.topics)
    const topics = known.map((topic) => ({ ...topic, topicId: TOPIC_ID }))
    const answered = topics.length === 0 ? { topics: [] } : await this.#bench.coordinator.commitOffsets(context, { ...request, topics })
    return { topics: [...answered.topics, ...refused] }
  }

  async #deleteOffsets(context: Parameters<GroupBench['coordinator']['deleteOffsets']>[0], request: OffsetDeleteRequest): Promise<object> {
    const { known, refused } = split(request.topics)
    const answered = await this.#bench.coordinator.deleteOffsets(context, { ...request, topics: known })
    if (answered.errorCode !== ErrorCode.NONE) return answered
    const topics = new Map<string, { name: string; partitions: object[] }>()
    for (const { name, partitions } of [...refused, ...answered.topics]) {
      topics.set(name, { name, partitions: [...(topics.get(name)?.partitions ?? []), ...partitions] })
    }
    return { ...answered, topics: [...topics.values()] }
  }

  async #fetch(context: Parameters<GroupBench['coordinator']['fetchOffsets']>[0], request: OffsetFetchRequest): Promise<object> {
    const { requireStable } = request
    const ask = (group: OffsetFetchRequestGroup) => this.#bench.coordinator.fetchOffsets(context, group, requireStable)
    if (context.apiVersion >= 8) return { groups: await Promise.all(request.groups.map(ask)) }
    const topics = request.topics?.map((topic) => ({ ...topic, topicId: 'AAAAAAAAAAAAAAAAAAAAAA' })) ?? null
    const group = await ask({ groupId: request.groupId, memberId: null, memberEpoch: -1, topics })
    return { errorCode: group.errorCode, topics: group.topics }
  }
}

function split<Topic extends { name: string; partitions: { partitionIndex: number }[] }>(topics: Topic[]) {
  const errorCode = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
  const part = (isKnown: boolean) =>
    topics
      .map((topic) => ({
        ...topic,
        partitions: topic.partitions.filter(({ partitionIndex }) => exists(topic.name, partitionIndex) === isKnown)
      }))
      .filter(({ partitions }) => partitions.length > 0)
  const refused = part(false).map(({ name, partitions }) => ({
    name,
    partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode }))
  }))
  return { known: part(true) as Topic[], refused }
}
