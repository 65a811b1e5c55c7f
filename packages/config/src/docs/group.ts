/** What each setting does, in a line of our own. DescribeConfigs gives it as documentation. */
export const groupDocs: Readonly<Record<string, string>> = {
  'consumer.assignment.interval.ms': 'Shortest time between two computed assignments of this consumer group.',
  'consumer.heartbeat.interval.ms': 'How often members are told to send heartbeats.',
  'consumer.session.timeout.ms': 'A member without a heartbeat for this long is removed.',
  'share.assignment.interval.ms': 'Shortest time between two computed assignments of this share group.',
  'share.auto.offset.reset': 'Where a share group begins: latest, earliest, or a duration back from now.',
  'share.delivery.count.limit': 'A record delivered this often without acceptance is archived.',
  'share.heartbeat.interval.ms': 'How often members are told to send heartbeats.',
  'share.isolation.level': 'Whether records of open and aborted transactions are delivered.',
  'share.partition.max.record.locks': 'Most records of one partition that are out with consumers at a time.',
  'share.record.lock.duration.ms': 'How long a record belongs to the consumer it was given to.',
  'share.renew.acknowledge.enable': 'Let a consumer prolong the time for which a record belongs to it.',
  'share.session.timeout.ms': 'A member without a heartbeat for this long is removed.',
  'streams.assignment.interval.ms': 'Shortest time between two computed assignments of this streams group.',
  'streams.heartbeat.interval.ms': 'How often members are told to send heartbeats.',
  'streams.initial.rebalance.delay.ms': 'A new group waits this long for more members before its first assignment.',
  'streams.num.standby.replicas': 'Standby copies of each stateful task.',
  'streams.session.timeout.ms': 'A member without a heartbeat for this long is removed.'
}

export const clientMetricsDocs: Readonly<Record<string, string>> = {
  'interval.ms': 'How often matching clients push their metrics.',
  match: 'Which clients are meant, as KEY=PATTERN.',
  metrics: 'Beginnings of the names of the metrics that are pushed; empty for none.'
}

export const quotaDocs: Readonly<Record<string, string>> = {
  connection_creation_rate: 'Most new connections a second from the address.',
  consumer_byte_rate: 'Most bytes a second that the client may fetch.',
  controller_mutation_rate: 'Most partitions a second that the client may have created or deleted.',
  producer_byte_rate: 'Most bytes a second that the client may produce.',
  request_percentage: "Share of the broker's request time that the client may use, in percent of one thread."
}
